/**
 * What whoever is limited to domains sees and changes of users: those who have an address there, and of them what lies
 * there. Pure.
 */
import { isLimited, type Limited, type Principal, reaches } from "../contracts/access.ts";
import { addressKey, parseAddress } from "../contracts/address.ts";
import { Refusal } from "../contracts/errors.ts";
import type { UserState } from "../contracts/events.ts";
import { plainFields } from "./new-values.ts";
import { addressesOf, type OwnedAddress } from "./rules.ts";

function isWithin(asker: Limited, address: string): boolean {
  const parsed = parseAddress(address);
  return parsed.ok && reaches(asker, parsed.asciiDomain);
}

export const sees = (asker: Limited, state: UserState): boolean =>
  addressesOf(state).some(({ address }) => isWithin(asker, address));

/** As of a user that never was: that there is one is no business of theirs. */
export function refuseUnseen(asker: Limited, state: UserState): void {
  if (!sees(asker, state))
    throw new Refusal("not-found", "Cannot find the user: there is none with this id", {
      isOutside: true,
    });
}

const byKey = (user: UserState | undefined): Map<string, OwnedAddress> =>
  new Map((user === undefined ? [] : addressesOf(user)).map((owned) => [addressKey(owned.address), owned]));

/** Every address that one has and the other has not, or not as the same kind, or not in the same spelling. */
function differing(before: UserState | undefined, after: UserState): string[] {
  const [was, is] = [byKey(before), byKey(after)];
  const isSame = (one: OwnedAddress, other: OwnedAddress | undefined): boolean =>
    other?.kind === one.kind && other.address === one.address;
  const fresh = [...is].filter(([key, owned]) => !isSame(owned, was.get(key)));
  const gone = [...was].filter(([key]) => !is.has(key));
  return [...fresh, ...gone].map(([, { address }]) => address);
}

/**
 * What a change touches: all addresses when the user is created, deleted or restored; else those that differ, and for
 * anything beside them the primary, by which the user is known.
 */
function touched(before: UserState | undefined, after: UserState): string[] {
  if (before === undefined || before.deletedAt !== after.deletedAt)
    return addressesOf(after).map(({ address }) => address);
  const addresses = differing(before, after);
  const isMore = addresses.length === 0 || plainFields.some((field) => before[field] !== after[field]);
  return isMore ? [...addresses, before.primarySmtp] : addresses;
}

/**
 * What is done with the whole user, or with one that was erased (undefined), of whom nobody can tell in which domains it
 * was. Throws Refusal `not-found`, or `forbidden` when it has an address of another domain than theirs.
 */
export function refuseUnlessWhole(asker: Principal | null | undefined, state: UserState | undefined): void {
  if (!isLimited(asker)) return;
  if (state === undefined) throw new Refusal("not-found", "Cannot find the user: there is none with this id");
  refuseUnseen(asker, state);
  refuseOutside(asker, undefined, state);
}

/** Throws Refusal `forbidden` when the change touches an address of another domain than theirs. */
export function refuseOutside(asker: Limited, before: UserState | undefined, after: UserState): void {
  if (touched(before, after).every((address) => isWithin(asker, address))) return;
  throw new Refusal(
    "forbidden",
    `Your access is limited to ${asker.domains.join(", ")}, and this touches an address of another domain`,
  );
}
