/** Nobody gives a key with more than they have themselves. Pure. */
import { type Principal, permits, rolesWith, scopes } from "../contracts/access.ts";
import { Refusal } from "../contracts/errors.ts";
import type { Role } from "../contracts/roles.ts";

/** Throws Refusal `forbidden`. */
export function requireOwnRights(
  user: Principal | null | undefined,
  { role, domains }: { readonly role: Role; readonly domains: readonly string[] | null },
): void {
  // Absent: the system itself, which was asked by nobody over HTTP.
  if (user === undefined || user === null) return;
  const beyond = scopes.find((scope) => rolesWith[scope].includes(role) && !permits(user, scope));
  if (beyond !== undefined)
    throw new Refusal(
      "forbidden",
      `Cannot give the key: its role ${role} has the scope ${beyond}, which you do not have`,
    );
  const own = user.domains;
  if (own !== undefined && !(domains?.every((domain) => own.includes(domain)) ?? false))
    throw new Refusal(
      "forbidden",
      "Cannot give the key: it must be limited to domains that you have yourself",
    );
}
