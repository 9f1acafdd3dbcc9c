/** Who types: under this name a decision is kept, and the audit log shall tell it. */
import { userInfo } from "node:os";
import { isCorrelationId } from "../../../mixins/context/correlation.ts";

/**
 * `repl:` and the account that the REPL runs as, or `uid-<n>` when that has no name here (a container's user seldom has)
 * or none that an actor may have. Never throws.
 */
export function operator(account: () => { readonly username: string } = userInfo): string {
  try {
    const { username } = account();
    if (username !== "" && isCorrelationId(`repl:${username}`)) return `repl:${username}`;
  } catch {
    // As it is told here: the system knows the number, and no name.
  }
  return `repl:uid-${process.getuid?.() ?? "unknown"}`;
}
