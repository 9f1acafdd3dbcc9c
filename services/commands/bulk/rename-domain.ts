/**
 * `bulk rename-domain OLD NEW`: the primary of everybody who has it in OLD moves to the same local part at NEW, and the
 * old one becomes a secondary, as with any new primary. Further addresses in OLD stay what they are, also of who has no
 * others there.
 *
 * Promise: everything that stands in the way is known and told before anything is done. What comes into OLD meanwhile is
 * renamed too, in further rounds, as many as `roundsMax`.
 */
import { parseAddress } from "../../contracts/address.ts";
import type { AddressInfo } from "../../contracts/look-up.ts";
import { secondarySmtpsMax, type User } from "../../contracts/user.ts";
import type { Api } from "./api.ts";
import { change, type Decision, type Outcome } from "./change.ts";
import { sideBySide } from "./side-by-side.ts";

const roundsMax = 10;

/** In A-labels, as conflict keys have it, and as addresses show it. */
export interface Domain {
  readonly ascii: string;
  readonly name: string;
}

export interface Rename {
  readonly old: Domain;
  readonly new: Domain;
}

export interface Conflict {
  readonly id: string;
  readonly primarySmtp: string;
  readonly target: string;
  readonly reason: string;
}

type Seen = Pick<User, "id" | "primarySmtp" | "version">;

/** Whom a rename concerns, as they were seen. */
export interface Plan {
  readonly people: readonly Seen[];
  readonly conflicts: readonly Conflict[];
  /** Who has further addresses in OLD and the primary elsewhere. */
  readonly secondaryOnly: number;
}

const domainOf = (address: string): string | undefined => {
  const parsed = parseAddress(address);
  return parsed.ok ? parsed.asciiDomain : undefined;
};

/** undefined: the primary is in another domain. */
function targetOf({ primarySmtp }: Pick<User, "primarySmtp">, rename: Rename): string | undefined {
  const parsed = parseAddress(primarySmtp);
  return parsed.ok && parsed.asciiDomain === rename.old.ascii
    ? `${parsed.local}@${rename.new.name}`
    : undefined;
}

const isTaken = ({ status, userId }: AddressInfo, id: string): boolean =>
  status === "blocked" || (status !== "available" && userId !== id);

/** What stands against the new primary; undefined: nothing. */
async function objection(api: Api, user: User, target: string): Promise<string | undefined> {
  const info = await api.lookUp(target);
  if ("fault" in info) return `${target} can't be an address: ${info.fault}`;
  if (isTaken(info, user.id))
    return `${target} is ${info.status}${info.userId === null ? "" : `, of user ${info.userId}`}`;
  const { key } = parseAddress(target) as { readonly key: string };
  const others = user.secondarySmtps.filter((address) => {
    const parsed = parseAddress(address);
    return !parsed.ok || parsed.key !== key;
  });
  return others.length < secondarySmtpsMax
    ? undefined
    : `the old primary becomes a secondary, of which a user has at most ${secondarySmtpsMax}`;
}

export interface RenameOptions {
  readonly atOnceMax: number;
  /** After each user that was looked at, or done. */
  readonly tick: () => void;
}

/** Whom it concerns now, but for `except`, and what stands in the way. */
export async function planRename(
  api: Api,
  rename: Rename,
  { atOnceMax, tick }: RenameOptions,
  except: ReadonlySet<string> = new Set(),
): Promise<Plan> {
  const people: Seen[] = [];
  const conflicts: Conflict[] = [];
  let secondaryOnly = 0;
  await sideBySide(api.users({ domain: rename.old.ascii }), atOnceMax, async (user) => {
    const { id, primarySmtp, secondarySmtps, version } = user;
    const target = targetOf(user, rename);
    if (target === undefined && secondarySmtps.some((each) => domainOf(each) === rename.old.ascii))
      secondaryOnly += 1;
    if (target === undefined || except.has(id)) return;
    const reason = await objection(api, user, target);
    if (reason === undefined) people.push({ id, primarySmtp, version });
    else conflicts.push({ id, primarySmtp, target, reason });
    tick();
  });
  return { people, conflicts, secondaryOnly };
}

/** The first time by how it was seen: whether it is so still, the write's condition says. */
function deciderOf(api: Api, seen: Seen, rename: Rename): () => Promise<Decision> {
  const { id } = seen;
  let isFirst = true;
  return async () => {
    const user = isFirst ? seen : await api.user(id);
    isFirst = false;
    if (user === undefined) return { kind: "unchanged", id, why: "was deleted meanwhile" };
    const target = targetOf(user, rename);
    if (target === undefined) return { kind: "unchanged", id, why: "has another primary by now" };
    const body = { primarySmtp: target };
    return {
      kind: "write",
      id,
      write: { method: "PATCH", path: `/users/${id}`, body, version: user.version },
    };
  };
}

export interface RenameRun extends RenameOptions {
  /** Of this run; keys begin with it. */
  readonly run: string;
  readonly report: (outcome: Outcome) => Promise<void>;
}

/** Who is left in OLD at the end, because more came than there were rounds. */
export async function carryOutRename(api: Api, rename: Rename, plan: Plan, run: RenameRun): Promise<number> {
  const settled = new Set(plan.conflicts.map(({ id }) => id));
  let { people } = plan;
  for (let round = 1; round <= roundsMax && people.length > 0; round += 1) {
    await sideBySide(people, run.atOnceMax, async (seen) => {
      const key = `${run.run}.${round}.${seen.id}`;
      const outcome = await change(api, key, deciderOf(api, seen, rename));
      settled.add(seen.id);
      await run.report(outcome);
      run.tick();
    });
    const more = await planRename(api, rename, { ...run, tick() {} }, settled);
    for (const { id, reason } of more.conflicts) {
      settled.add(id);
      await run.report({ kind: "refused", id, reason });
    }
    ({ people } = more);
  }
  return people.length;
}
