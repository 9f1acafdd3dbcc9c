/**
 * The rules of a user and its addresses, as pure decisions: state, command and time come in; the next state with its
 * changes, or "unchanged", goes out; what can't be granted is thrown as a Refusal.
 *
 * Always: exactly one primary; secondaries are a set by conflict key that never holds the primary; a primary that is
 * replaced becomes a secondary; no address leaves a user but by a `secondarySmtps` that omits it; at most
 * `secondarySmtpsMax` secondaries, over which the command is refused and nothing is evicted.
 */
import type { ActionParams } from "../contracts/actions.ts";
import { addressKey } from "../contracts/address.ts";
import type { Assignment } from "../contracts/assignment.ts";
import { Refusal } from "../contracts/errors.ts";
import {
  type Change,
  repairJumpMax,
  type UserEventType,
  type UserState,
  versionWithHeadroomMax,
} from "../contracts/events.ts";
import { generationSize } from "../contracts/generation.ts";
import {
  type AddressKind,
  noneOf,
  secondarySmtpsMax,
  type UserFieldName,
  userFieldNames,
} from "../contracts/user.ts";
import { refuseUnfit } from "./new-values.ts";

export interface OwnedAddress {
  readonly address: string;
  readonly kind: AddressKind;
}

/** What a replace or a patch asks to be different; a field left out stays. */
export type Edit = { readonly [F in UserFieldName]?: Readonly<UserState[F]> | undefined };

export type Command =
  | ({ readonly kind: "edit" } & Edit)
  | { readonly kind: "remove" }
  /** As it was, or as it is to be from now on. */
  | ({ readonly kind: "restore" } & Edit);

/** From If-Match: the versions on which the command may be carried out; undefined is any. */
export type ExpectedVersions = readonly number[] | undefined;

export type Decision =
  | { readonly kind: "unchanged"; readonly state: UserState }
  | {
      readonly kind: "changed";
      readonly type: UserEventType;
      readonly state: UserState;
      readonly changes: Change[];
      /** What was asked for and not given; absent: nothing. */
      readonly assignments?: Assignment[];
    };

export type Changed = Extract<Decision, { kind: "changed" }>;

/** Every address of a user, the primary first. */
export function addressesOf(user: {
  primarySmtp: string;
  secondarySmtps: readonly string[];
}): OwnedAddress[] {
  return [
    { address: user.primarySmtp, kind: "primary" },
    ...user.secondarySmtps.map((address) => ({ address, kind: "secondary" as const })),
  ];
}

/** Of too many secondaries: told at the member of the request by which they became so. */
const tooMany = (pointer: string, detail: string): Refusal =>
  new Refusal("invalid-fields", "Cannot keep all addresses: the user has too many", {
    errors: [{ pointer, detail }],
  });

/** A set of secondaries: the first spelling of each key stays, the primary's key never does. */
function asSecondaries(addresses: readonly string[], primarySmtp: string): string[] {
  const seen = new Set([addressKey(primarySmtp)]);
  return addresses.filter((address) => {
    const key = addressKey(address);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** The addresses to ask the registry for on a create: repeats collapsed, the primary first. */
export const wantedAddresses = (request: ActionParams<"users.create">): OwnedAddress[] =>
  addressesOf({
    primarySmtp: request.primarySmtp,
    secondarySmtps: asSecondaries(request.secondarySmtps ?? [], request.primarySmtp),
  });

/** The fields of a user as they are asked for; one that is left out is as `before`, or there is none of it. */
const asAsked = (request: Edit, before: Edit = {}): Pick<UserState, UserFieldName> =>
  Object.fromEntries(
    userFieldNames.map((name) => {
      const value = request[name] === undefined ? before[name] : request[name];
      return [name, value === undefined ? noneOf(name) : value];
    }),
  ) as never;

/** Of the fields of a user, in their order; what it has none of is null. A new user that is active is no change of that. */
const changesOf = (before: Partial<UserState>, after: Partial<UserState>): Change[] =>
  [...userFieldNames, "deletedAt" as const, "released" as const]
    .map((field) => ({ field, from: before[field] ?? null, to: after[field] ?? null }))
    .filter(({ field, from, to }) => from !== to && !(from === null && field === "active" && to === true));

/** A new user with the addresses that the registry assigned. */
export function decideCreate(
  id: string,
  request: Omit<ActionParams<"users.create">, "primarySmtp" | "secondarySmtps">,
  assigned: readonly OwnedAddress[],
  now: Date,
  assignments: Assignment[] = [],
): Changed {
  const primaries = assigned.filter(({ kind }) => kind === "primary");
  const primarySmtp = primaries[0]?.address;
  if (primarySmtp === undefined || primaries.length > 1)
    throw new Error(`Cannot create a user: ${primaries.length} primary addresses were assigned`);
  const others = assigned.filter(({ kind }) => kind === "secondary").map(({ address }) => address);
  const secondarySmtps = asSecondaries(others, primarySmtp);
  if (secondarySmtps.length !== others.length)
    throw new Error("Cannot create a user: one address was assigned twice");
  const at = now.toISOString();
  const content = { ...asAsked(request), primarySmtp, secondarySmtps };
  const state = { id, ...content, version: 1, createdAt: at, updatedAt: at, deletedAt: null };
  return {
    kind: "changed",
    type: "user.created.v1",
    state,
    changes: changesOf({}, state),
    assignments,
  };
}

/** What a command does to an existing user; `undefined` is a user that never was. Throws Refusal. */
export function decide(
  state: UserState | undefined,
  command: Command,
  expected: ExpectedVersions,
  now: Date,
): Decision {
  if (state === undefined || (state.deletedAt !== null && command.kind !== "restore"))
    throw new Refusal("not-found", "Cannot find the user: there is none with this id");
  if (expected !== undefined && !expected.includes(state.version))
    throw new Refusal("version-mismatch", `Cannot change the user: its version is ${state.version}`, {
      version: state.version,
    });
  if (command.kind === "edit") return decideEdit(state, command, now);
  if (command.kind === "remove") {
    const at = timeAfter(state, now);
    return changed("user.deleted.v1", state, { deletedAt: at }, at);
  }
  if (state.deletedAt === null)
    throw new Refusal("not-deleted", "Cannot restore the user: it is not deleted");
  const { kind: _, ...edit } = command;
  const edited = decideEdit(state, { ...edit }, now).state;
  return changed(
    "user.restored.v1",
    state,
    { ...edited, deletedAt: null, ...(state.released && { released: undefined }) },
    timeAfter(state, now),
  );
}

/** The addresses of which a user is known as the holder: of a deleted one none that was released. */
export function heldOf(
  user: Pick<UserState, "primarySmtp" | "secondarySmtps" | "deletedAt" | "released">,
): OwnedAddress[] {
  if (user.deletedAt === null || user.released === undefined) return addressesOf(user);
  const released = new Set(user.released.map(addressKey));
  return addressesOf(user).filter(({ address }) => !released.has(addressKey(address)));
}

/**
 * A deleted user lets go of an address before its terms are over, and of nothing else: a restore asks for it again. The
 * event is of the type that says that the user is deleted. undefined: the address is not kept for it.
 */
export function decideRelease(state: UserState, key: string, now: Date): Changed | undefined {
  const held = heldOf(state).find(({ address }) => addressKey(address) === key);
  if (state.deletedAt === null || held === undefined) return undefined;
  const released = [...(state.released ?? []), held.address];
  const decision = changed("user.deleted.v1", state, { released }, timeAfter(state, now));
  return decision.kind === "changed" ? decision : undefined;
}

export const raised = (version: number, generation: number): number =>
  Math.max(version, generation * generationSize);

/** The same decision with a version of this generation; the next ones count on from there. */
export const inGeneration = (decision: Changed, generation: number): Changed => ({
  ...decision,
  state: { ...decision.state, version: raised(decision.state.version, generation) },
});

/**
 * Nothing changes but the version, which passes `above` too. A deleted user's event is of the type that says so.
 * Throws Refusal `invalid-fields` when `above` would take the user's room for changes.
 */
export function decideReemit(state: UserState, above: number, now: Date, generation = 0): Changed {
  const aboveMax = Math.min(raised(state.version, generation) + repairJumpMax, versionWithHeadroomMax);
  if (above > aboveMax) {
    const detail = `must be at most ${aboveMax}: the user is at version ${state.version}`;
    throw new Refusal("invalid-fields", "Cannot tell the user again: it would jump too many versions", {
      errors: [{ pointer: "#/above", detail }],
    });
  }
  const version = Math.max(state.version, above) + 1;
  return {
    kind: "changed",
    type: state.deletedAt === null ? "user.updated.v1" : "user.deleted.v1",
    state: { ...state, version, updatedAt: timeAfter(state, now) },
    changes: [],
  };
}

/** Of a deleted user, whose terms are over: another takes it. */
export const decideLetGo = (state: UserState, now: Date): Decision =>
  changed("user.deleted.v1", state, { externalId: null }, timeAfter(state, now));

function decideEdit(state: UserState, edit: Edit, now: Date): Decision {
  refuseUnfit(state, edit);
  const primarySmtp = edit.primarySmtp ?? state.primarySmtp;
  const moved = addressKey(primarySmtp) !== addressKey(state.primarySmtp);
  const listed = edit.secondarySmtps ?? state.secondarySmtps;
  const secondarySmtps = asSecondaries(moved ? [...listed, state.primarySmtp] : listed, primarySmtp);
  if (secondarySmtps.length > secondarySmtpsMax) {
    const own = asSecondaries(listed, primarySmtp).length;
    const why = `the old primary becomes a secondary, of which a user has at most ${secondarySmtpsMax}`;
    if (edit.secondarySmtps === undefined) throw tooMany("#/primarySmtp", `can't be changed: ${why}`);
    throw tooMany(
      "#/secondarySmtps",
      own > secondarySmtpsMax
        ? `must have at most ${secondarySmtpsMax} addresses`
        : `must leave room for one: ${why}`,
    );
  }
  return changed(
    "user.updated.v1",
    state,
    {
      ...asAsked(edit, state),
      primarySmtp,
      // A set has no order: the same members in another order are no change.
      secondarySmtps: sameMembers(secondarySmtps, state.secondarySmtps)
        ? state.secondarySmtps
        : secondarySmtps,
    },
    timeAfter(state, now),
  );
}

const sameMembers = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((member) => b.includes(member));

/** Clocks of two processes may differ, yet a user's time never goes back. */
function timeAfter(state: UserState, now: Date): string {
  return new Date(Math.max(now.getTime(), Date.parse(state.updatedAt))).toISOString();
}

function changed(type: UserEventType, state: UserState, content: Partial<UserState>, at: string): Decision {
  const changes = changesOf(state, { ...state, ...content });
  if (changes.length === 0) return { kind: "unchanged", state };
  return {
    kind: "changed",
    type,
    state: { ...state, ...content, version: state.version + 1, updatedAt: at },
    changes,
  };
}
