/** Who is at a machine: under this name a decision is kept, and the audit log shall tell it. */
import { userInfo } from "node:os";
import { isCorrelationId } from "./correlation.ts";

function uid(): string {
  try {
    return String(process.getuid?.() ?? "unknown");
  } catch {
    // A sandbox does not say.
    return "unknown";
  }
}

/**
 * The way, and the account that the process runs as, or `uid-<n>` when that has no name here (a container's user seldom
 * has) or none that an actor may have. Never throws.
 */
export function operator(account: () => { readonly username: string } = userInfo, way = "repl"): string {
  try {
    const { username } = account();
    const name = `${way}:${username}`;
    if (username !== "" && isCorrelationId(name)) return name;
  } catch {
    // As it is told here: the system knows the number, and no name.
  }
  return `${way}:uid-${uid()}`;
}
