/**
 * What an event tells of the user's addresses: the state after it, and the ledger entries of what it changed. Pure.
 * The entries come from the event's own `changes`, so that they are right whatever has arrived before.
 */
import { addressKey } from "../contracts/address.ts";
import type { UserEvent } from "../contracts/events.ts";
import type { AddressKind } from "../contracts/user.ts";

export interface HeldAddress {
  readonly key: string;
  readonly address: string;
  readonly kind: AddressKind;
  readonly state: "active" | "deleted";
}

export interface LedgerEntry {
  readonly userId: string;
  readonly version: number;
  readonly key: string;
  readonly address: string;
  readonly kind: AddressKind | null;
  readonly state: "active" | "deleted" | "removed";
  /** RFC 3339 */
  readonly at: string;
}

interface Addresses {
  readonly primarySmtp: string | null;
  readonly secondarySmtps: readonly string[];
  readonly deletedAt: string | null;
  /** Not the deleted user's any more. */
  readonly released?: readonly string[] | undefined;
}

function held(addresses: Addresses): Map<string, HeldAddress> {
  const state = addresses.deletedAt === null ? "active" : "deleted";
  const rows = new Map<string, HeldAddress>();
  const add = (address: string, kind: AddressKind) => {
    const key = addressKey(address);
    if (!rows.has(key)) rows.set(key, { key, address, kind, state });
  };
  if (addresses.primarySmtp !== null) add(addresses.primarySmtp, "primary");
  for (const address of addresses.secondarySmtps) add(address, "secondary");
  if (state === "deleted") for (const address of addresses.released ?? []) rows.delete(addressKey(address));
  return rows;
}

/** Every address that the user holds after the event, by conflict key. */
export const heldAfter = (event: UserEvent): Map<string, HeldAddress> => held(event.data.user);

const isText = (value: unknown): value is string => typeof value === "string";

function heldBefore(event: UserEvent): Map<string, HeldAddress> {
  if (event.type === "user.created.v1") return new Map();
  const { user, changes } = event.data;
  const before = (field: keyof Addresses): unknown => {
    const change = changes.find((item) => item.field === field);
    return change === undefined ? user[field] : change.from;
  };
  const [primary, secondaries, deletedAt, released] = [
    before("primarySmtp"),
    before("secondarySmtps"),
    before("deletedAt"),
    before("released"),
  ];
  return held({
    primarySmtp: isText(primary) ? primary : null,
    secondarySmtps: Array.isArray(secondaries) ? secondaries.filter(isText) : [],
    deletedAt: isText(deletedAt) ? deletedAt : null,
    released: Array.isArray(released) ? released.filter(isText) : [],
  });
}

/** Nothing has changed: the user is told again because somebody had lost what it said before. */
export const isToldAgain = (event: UserEvent): boolean =>
  event.type !== "user.created.v1" && event.data.changes.length === 0;

/** One entry for each address that the event gave, took or changed; of a user that is told again, for all it has. */
export function ledgerEntries(event: UserEvent): LedgerEntry[] {
  const before = isToldAgain(event) ? new Map<string, HeldAddress>() : heldBefore(event);
  const after = heldAfter(event);
  const about = { userId: event.subject, version: event.data.user.version, at: event.time };
  const same = (a: HeldAddress, b: HeldAddress | undefined) =>
    a.address === b?.address && a.kind === b.kind && a.state === b.state;
  const kept = [...after.values()]
    .filter((row) => !same(row, before.get(row.key)))
    .map(({ key, address, kind, state }) => ({ ...about, key, address, kind, state }));
  const gone = [...before.values()]
    .filter((row) => !after.has(row.key))
    .map(({ key, address }) => ({ ...about, key, address, kind: null, state: "removed" as const }));
  return [...kept, ...gone];
}
