/**
 * What a write of a wanted user would do, by what is known of the users: the same rules as a write has, asked
 * beforehand. Pure; the write itself decides. No address is ever taken from a user here: an import adds.
 */
import { isLimited, type Principal } from "../contracts/access.ts";
import { CreateUser } from "../contracts/actions.ts";
import { addressKey, parseAddress } from "../contracts/address.ts";
import { Refusal } from "../contracts/errors.ts";
import type { UserState } from "../contracts/events.ts";
import type { AddressStatus } from "../contracts/user.ts";
import type { CheckedUser, CheckReason, UserCheck } from "../contracts/user-checks.ts";
import { refuseUnaccepted } from "./accepted-domains.ts";
import { refuseOutside, sees } from "./domain-rules.ts";
import { addressesOf, decide, decideCreate, type Edit, wantedAddresses } from "./rules.ts";

/** Numbers behind a name among which a user is looked for who was created under it. */
const twinsMax = 50;
const nobody = "00000000-0000-0000-0000-000000000000";

export interface Holder {
  /** null: somebody who was erased, or a write under way. */
  readonly userId: string | null;
  readonly status: AddressStatus;
}

/** What is known of those who might be meant, and of their addresses. */
export interface Knowledge {
  /** Living users. */
  readonly users: ReadonlyMap<string, UserState>;
  readonly idsByExternalId: ReadonlyMap<string, string>;
  /** By conflict key; one that is not there is free as far as is known. */
  readonly holders: ReadonlyMap<string, Holder>;
  readonly domains: ReadonlySet<string>;
  readonly now: Date;
}

export interface CheckOrder {
  readonly key?: "externalId" | "primarySmtp" | undefined;
  readonly onTaken: "suffix" | "refuse";
  readonly asker?: Principal | null | undefined;
}

/** The keys of an address with the first numbers behind its name. */
export function twinKeys(address: string): string[] {
  const parsed = parseAddress(address);
  if (!parsed.ok) return [];
  const at = parsed.key.lastIndexOf("@");
  return Array.from(
    { length: twinsMax - 1 },
    (_, index) => `${parsed.key.slice(0, at)}${index + 2}${parsed.key.slice(at)}`,
  );
}

/** Whether one key is the other with a number behind its name. */
function isTwin(key: string, asked: string): boolean {
  const [at, askedAt] = [key.lastIndexOf("@"), asked.lastIndexOf("@")];
  const local = asked.slice(0, askedAt);
  return (
    key.slice(at) === asked.slice(askedAt) &&
    key.startsWith(local) &&
    /^[1-9]\d*$/.test(key.slice(local.length, at))
  );
}

const none: Omit<UserCheck, "outcome"> = { userId: null, version: null, patch: null, reasons: [] };
const refused = (reasons: CheckReason[], user?: UserState): UserCheck => ({
  ...none,
  outcome: "refused",
  userId: user?.id ?? null,
  version: user?.version ?? null,
  reasons,
});

/** Of a rule that throws: what it has against it. */
function reasonsOf(rule: () => void): CheckReason[] {
  try {
    rule();
    return [];
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { errors } = error.data;
    return errors === undefined || errors.length === 0
      ? [{ pointer: "#", detail: error.message }]
      : errors.map(({ pointer, detail }) => ({ pointer, detail }));
  }
}

const pointerTo = (wanted: CheckedUser, key: string): string => {
  if (addressKey(wanted.primarySmtp) === key) return "#/primarySmtp";
  const index = wanted.secondarySmtps?.findIndex((address) => addressKey(address) === key) ?? -1;
  return index < 0 ? "#" : `#/secondarySmtps/${index}`;
};

/** Who stands against which of the addresses, but the user itself. */
function conflictsOf(
  wanted: CheckedUser,
  addresses: readonly string[],
  { holders }: Knowledge,
  own?: string,
): CheckReason[] {
  return addresses.flatMap((address) => {
    const key = addressKey(address);
    const holder = holders.get(key);
    if (holder === undefined || (own !== undefined && holder.userId === own)) return [];
    const { status, userId } = holder;
    const pointer = pointerTo(wanted, key);
    return [{ pointer, detail: `is not available: it is ${status}`, conflict: { address, status, userId } }];
  });
}

/** Whether the user has the address, or was given another for it because somebody else has it. */
function has(keys: readonly string[], address: string, known: Knowledge, order: CheckOrder, own: string) {
  const key = addressKey(address);
  if (keys.includes(key)) return true;
  const holder = known.holders.get(key);
  const isOthers = holder !== undefined && holder.userId !== own;
  return order.onTaken === "suffix" && isOthers && keys.some((each) => isTwin(each, key));
}

/** What is to change of a user so that it is as wanted; empty: nothing. */
function editOf(user: UserState, wanted: CheckedUser, known: Knowledge, order: CheckOrder): Edit {
  const { displayName, primarySmtp, secondarySmtps = [], externalId, userName, active } = wanted;
  const all = addressesOf(user).map(({ address }) => addressKey(address));
  const isPrimary = has([addressKey(user.primarySmtp)], primarySmtp, known, order, user.id);
  const added = secondarySmtps.filter((address) => !has(all, address, known, order, user.id));
  const isOtherId = externalId !== undefined && externalId !== null && externalId !== user.externalId;
  const isOtherName = userName !== undefined && userName !== null && userName !== user.userName;
  const isOtherActive = typeof active === "boolean" && active !== (user.active ?? true);
  return {
    ...(displayName === user.displayName ? {} : { displayName }),
    ...(isPrimary ? {} : { primarySmtp }),
    ...(added.length === 0 ? {} : { secondarySmtps: [...user.secondarySmtps, ...added] }),
    ...(isOtherId ? { externalId } : {}),
    ...(isOtherName ? { userName } : {}),
    ...(isOtherActive ? { active } : {}),
  };
}

const isEmpty = (edit: Edit): boolean => Object.keys(edit).length === 0;

function living({ users, holders }: Knowledge, key: string): UserState | undefined {
  const holder = holders.get(key);
  return holder?.status === "active" && holder.userId !== null ? users.get(holder.userId) : undefined;
}

function withExternalId(wanted: CheckedUser, known: Knowledge): UserState | undefined {
  const id = known.idsByExternalId.get(wanted.externalId ?? "");
  return id === undefined ? undefined : known.users.get(id);
}

/** Who is found by the key, and is to be as wanted. */
function keyed(wanted: CheckedUser, known: Knowledge, { key }: CheckOrder): UserState | undefined {
  if (key === "externalId") return withExternalId(wanted, known);
  const wantedKey = addressKey(wanted.primarySmtp);
  const holder = living(known, wantedKey);
  return holder !== undefined && addressKey(holder.primarySmtp) === wantedKey ? holder : undefined;
}

/** Those who are there exactly as wanted: by id, by address, or under a number behind the address. */
function same(wanted: CheckedUser, known: Knowledge, order: CheckOrder): UserState | undefined {
  const key = addressKey(wanted.primarySmtp);
  const twins = order.onTaken === "suffix" ? twinKeys(wanted.primarySmtp) : [];
  const others = [key, ...twins].map((each) => living(known, each));
  const users = new Set([withExternalId(wanted, known), ...others].filter((user) => user !== undefined));
  const alike = [...users].filter((user) => isEmpty(editOf(user, wanted, known, order)));
  return alike[wanted.occurrence ?? 0];
}

/** An externalId that somebody else has, who is told to those who see them. */
function idConflict(
  wanted: CheckedUser,
  known: Knowledge,
  { asker }: CheckOrder,
  own?: string,
): CheckReason[] {
  const id = known.idsByExternalId.get(wanted.externalId ?? "");
  if (id === undefined || id === own) return [];
  const user = known.users.get(id);
  const isSeen = user !== undefined && (!isLimited(asker) || sees(asker, user));
  return [
    { pointer: "#/externalId", detail: `belongs to another user${isSeen ? ` (${user.primarySmtp})` : ""}` },
  ];
}

/** Nothing is told of what lies outside of somebody's domains. */
const outsideOf = (asker: CheckOrder["asker"], before: UserState | undefined, after: UserState) =>
  isLimited(asker) ? reasonsOf(() => refuseOutside(asker, before, after)) : [];

function checkChange(user: UserState, wanted: CheckedUser, known: Knowledge, order: CheckOrder): UserCheck {
  const edit = editOf(user, wanted, known, order);
  if (isEmpty(edit)) return { ...none, outcome: "unchanged", userId: user.id, version: user.version };
  let after = user;
  const reasons = reasonsOf(() => {
    after = decide(user, { kind: "edit", ...edit }, undefined, known.now).state;
  });
  const outside = outsideOf(order.asker, user, after);
  if (outside.length > 0) return refused(outside, user);
  if (known.domains.size > 0)
    reasons.push(...reasonsOf(() => refuseUnaccepted(known.domains, user, after, wanted)));
  const addresses = [edit.primarySmtp ?? [], edit.secondarySmtps ?? []].flat();
  reasons.push(
    ...conflictsOf(wanted, addresses, known, user.id),
    ...idConflict(wanted, known, order, user.id),
  );
  if (reasons.length > 0) return refused(reasons, user);
  return { ...none, outcome: "changed", userId: user.id, version: user.version, patch: edit };
}

function checkCreate(wanted: CheckedUser, known: Knowledge, order: CheckOrder): UserCheck {
  const { occurrence: _, ...user } = wanted;
  const parsed = CreateUser.safeParse(user);
  if (!parsed.success)
    return refused(
      parsed.error.issues.map(({ path, message }) => ({ pointer: `#/${path.join("/")}`, detail: message })),
    );
  const addresses = wantedAddresses(parsed.data);
  const { state } = decideCreate(nobody, parsed.data, addresses, known.now);
  const outside = outsideOf(order.asker, undefined, state);
  if (outside.length > 0) return refused(outside);
  const reasons =
    known.domains.size === 0
      ? []
      : reasonsOf(() => refuseUnaccepted(known.domains, undefined, state, wanted));
  reasons.push(...idConflict(wanted, known, order));
  const conflicts = conflictsOf(
    wanted,
    addresses.map(({ address }) => address),
    known,
  );
  const isFinal =
    order.onTaken === "refuse" || conflicts.some(({ conflict }) => conflict?.status === "blocked");
  if (reasons.length > 0 || (conflicts.length > 0 && isFinal)) return refused([...reasons, ...conflicts]);
  return { ...none, outcome: conflicts.length > 0 ? "suffixed" : "created", reasons: conflicts };
}

/** What would become of one of them, were it written now. */
export function checkUser(wanted: CheckedUser, known: Knowledge, order: CheckOrder): UserCheck {
  if (order.key === "externalId" && (wanted.externalId ?? "") === "")
    return refused([{ pointer: "#/externalId", detail: "is missing, and users are found by it" }]);
  const user = order.key === undefined ? same(wanted, known, order) : keyed(wanted, known, order);
  if (user === undefined) return checkCreate(wanted, known, order);
  if (isLimited(order.asker) && !sees(order.asker, user))
    return refused([{ pointer: "#", detail: "belongs to a user of another domain" }]);
  return checkChange(user, wanted, known, order);
}
