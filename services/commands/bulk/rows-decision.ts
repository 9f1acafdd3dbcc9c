/**
 * `bulk delete FILE` and `bulk restore FILE`: each row names somebody, who is deleted or restored as by a request of its
 * own. Somebody who is so already is nothing to do, so a second run finds nothing.
 */

import { parseAddress } from "../../contracts/address.ts";
import type { User } from "../../contracts/user.ts";
import type { Api } from "./api.ts";
import type { Decision, Meaning } from "./change.ts";
import type { NamedRow } from "./rows.ts";

export const fileDeeds = ["delete", "restore"] as const;
export type FileDeed = (typeof fileDeeds)[number];

/** A refusal that says that it is done: somebody else was faster. */
export const doneBy: Readonly<Record<FileDeed, Meaning>> = {
  delete: {},
  restore: { "not-deleted": "is not deleted" },
};

const refused = (reason: string): Decision => ({ kind: "refused", reason });
const nothingToDo = (why: string): Decision => ({ kind: "unchanged", why });

const has = (user: User, address: string): boolean => {
  const wanted = parseAddress(address);
  return [user.primarySmtp, ...user.secondarySmtps].some((each) => {
    const parsed = parseAddress(each);
    return wanted.ok && parsed.ok && parsed.key === wanted.key;
  });
};

/** Whom a row names: somebody who lives, somebody who was deleted, or nobody, and why. */
type Named =
  | { readonly kind: "living"; readonly user: User }
  | { readonly kind: "deleted"; readonly id: string }
  | { readonly kind: "nobody"; readonly why: string; readonly isCertain?: true };

const living = (user: User): Named => ({ kind: "living", user });

/** Who has the address, or had it last and was deleted. */
async function byAddress(api: Api, address: string): Promise<Named> {
  const nobody = (why: string): Named => ({ kind: "nobody", why, isCertain: true });
  const info = await api.lookUp(address);
  if ("fault" in info) return nobody(`the address can't be looked up: ${info.fault}`);
  const { status, userId } = info;
  if (userId === null)
    return nobody(
      status === "available" ? "nobody has this address" : `this address is ${status}, of nobody`,
    );
  if (status === "deleted" || status === "quarantined") return { kind: "deleted", id: userId };
  const user = await api.user(userId);
  // Between the two answers it may have become somebody else's.
  return user !== undefined && has(user, address) ? living(user) : nobody("nobody has this address");
}

async function byExternalId(api: Api, externalId: string): Promise<Named> {
  const nobody = (why: string): Named => ({ kind: "nobody", why, isCertain: true });
  const gone: string[] = [];
  for await (const user of api.users({ externalId, deleted: "include" }))
    if (user.deletedAt === undefined) return living(user);
    else gone.push(user.id);
  const [id, ...others] = gone;
  if (id === undefined) return nobody("nobody has this external id");
  return others.length === 0
    ? { kind: "deleted", id }
    : nobody(`${gone.length} deleted people had this external id; name one by id`);
}

async function named(api: Api, { kind, value }: NamedRow): Promise<Named> {
  if (value === "") return { kind: "nobody", why: "the row names nobody", isCertain: true };
  if (kind === "address") return byAddress(api, value);
  if (kind === "externalId") return byExternalId(api, value);
  const user = await api.user(value);
  return user === undefined ? { kind: "nobody", why: "nobody who lives has this id" } : living(user);
}

async function decideDelete(api: Api, row: NamedRow): Promise<Decision> {
  const who = await named(api, row);
  if (who.kind === "deleted") return nothingToDo("is deleted already");
  // Whether somebody was deleted or never was an id does not tell, and there is nothing to do in either case.
  if (who.kind === "nobody") return who.isCertain ? refused(who.why) : nothingToDo(who.why);
  const { id, version } = who.user;
  return { kind: "write", id, write: { method: "DELETE", path: `/users/${id}`, version } };
}

const restoreOf = (id: string): Decision => ({
  kind: "write",
  id,
  write: { method: "POST", path: `/users/${encodeURIComponent(id)}/restore` },
  gone: "there is no user with this id, or it was erased",
});

async function decideRestore(api: Api, row: NamedRow): Promise<Decision> {
  if (row.kind === "id" && row.value !== "") return restoreOf(row.value);
  const who = await named(api, row);
  if (who.kind === "deleted") return restoreOf(who.id);
  if (who.kind === "living") return nothingToDo("is not deleted");
  return refused(who.why);
}

/** What the row asks for, by how things are now. */
export const decideRow = (api: Api, deed: FileDeed, row: NamedRow): Promise<Decision> =>
  deed === "delete" ? decideDelete(api, row) : decideRestore(api, row);
