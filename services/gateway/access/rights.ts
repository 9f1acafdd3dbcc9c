/**
 * What the groups of a person give together. A principal has one list of roles and one of domains, so what several groups
 * give is put together in such a way that nobody may do anywhere what no group of theirs says.
 */
import type { Grant } from "../../config/roles-file.ts";
import { rolesWith, scopes } from "../../contracts/access.ts";
import type { Role } from "../../contracts/roles.ts";

export interface Rights {
  readonly roles: readonly Role[];
  /** Absent: everywhere. */
  readonly domains?: readonly string[];
}

type Domains = readonly string[] | undefined;

/** Of the same role: here or there. */
const united = (one: Domains, other: Domains): Domains =>
  one === undefined || other === undefined ? undefined : [...new Set([...one, ...other])];

/** Of different roles: where every one of them holds. */
const shared = (one: Domains, other: Domains): Domains =>
  one === undefined || other === undefined ? (one ?? other) : one.filter((domain) => other.includes(domain));

const isWithin = (one: Domains, other: Domains): boolean =>
  other === undefined || (one?.every((domain) => other.includes(domain)) ?? false);

const allows = (role: Role) => scopes.filter((scope) => rolesWith[scope].includes(role));

interface Part {
  readonly role: Role;
  readonly domains: Domains;
}

/** Whether the other adds nothing. */
const covers = (one: Part, other: Part): boolean => {
  const own = allows(one.role);
  return isWithin(other.domains, one.domains) && allows(other.role).every((scope) => own.includes(scope));
};

/** The domains of one role add up; of several, those remain in which all of them hold. */
export function rightsFrom(grants: readonly Grant[]): Rights {
  const byRole = new Map<Role, Part>();
  for (const { role, domains } of grants) {
    const known = byRole.get(role);
    byRole.set(role, { role, domains: known === undefined ? domains : united(known.domains, domains) });
  }
  const parts = [...byRole.values()].reduce<readonly Part[]>(
    (kept, part) =>
      kept.some((one) => covers(one, part)) ? kept : [...kept.filter((one) => !covers(part, one)), part],
    [],
  );
  const domains = parts.map((part) => part.domains).reduce(shared, undefined);
  return { roles: parts.map(({ role }) => role), ...(domains === undefined ? {} : { domains }) };
}
