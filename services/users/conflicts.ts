/** Says which address of a request is taken in the terms of that request: a pointer into the client's own body. */
import * as z from "zod";
import { addressKey } from "../contracts/address.ts";
import { Refusal } from "../contracts/errors.ts";
import { AddressConflict, AddressKind } from "../contracts/user.ts";
import type { TakenKey } from "./commit.ts";
import type { Command, OwnedAddress } from "./rules.ts";

/** As smtp-registry lists them in the data of its `address-taken`. */
const Conflicts = z.array(
  z.object({
    ...AddressConflict.shape,
    /** A registry of before it told who has it says nothing. */
    userId: AddressConflict.shape.userId.default(null),
    kind: AddressKind,
    /** How the search for a suffix ended; absent: none was asked for. */
    noSuffix: z.enum(["fits", "was found in time"]).optional(),
  }),
);
type Conflicts = z.infer<typeof Conflicts>;

/** What the client's body says of addresses; a request without a body says nothing. */
export interface Body {
  readonly primarySmtp?: string | undefined;
  readonly secondarySmtps?: readonly string[] | undefined;
}

export const bodyOf = (command: Command): Body => (command.kind === "remove" ? {} : command);

/** Who has a conflict key by our own constraint, where the registry does not know yet. */
export type Holders = ReadonlyMap<string, string>;

/** Why a reservation failed, as its caller is to hear it: a refusal of the registry in the terms of the body. */
export function restate(error: unknown, body: Body, holders: Holders = new Map()): unknown {
  if (!(error instanceof Refusal) || error.type !== "address-taken") return error;
  const conflicts = Conflicts.parse(error.data.conflicts).map((conflict) => ({
    ...conflict,
    userId: conflict.userId ?? holders.get(addressKey(conflict.address)) ?? null,
  }));
  return addressTaken(body, conflicts);
}

/** What another user holds of the addresses, by our own constraint. */
export const heldAmong = (addresses: readonly OwnedAddress[], held: readonly TakenKey[]): Conflicts =>
  addresses.flatMap((owned) => {
    const by = held.find(({ key }) => key === addressKey(owned.address));
    return by === undefined
      ? []
      : [{ ...owned, userId: by.userId, status: by.deletedAt === null ? "active" : "deleted" }];
  });

function sentenceOf(conflicts: Conflicts): string {
  const { noSuffix } = conflicts.find((conflict) => conflict.noSuffix !== undefined) ?? {};
  if (noSuffix !== undefined) return `Cannot assign every address: one is taken, and no suffix ${noSuffix}`;
  return conflicts.every(({ status }) => status === "blocked")
    ? "Cannot assign every address: nobody can have a blocked name"
    : "Cannot assign every address: some are taken";
}

/** A user can't have one of the addresses that it would have. */
export function addressTaken(body: Body, conflicts: Conflicts): Refusal {
  return new Refusal("address-taken", sentenceOf(conflicts), {
    conflicts,
    errors: conflicts.map(({ address, status, userId, noSuffix }) => ({
      pointer: pointerTo(address, body),
      detail: `is not available: it is ${status}${noSuffix === undefined ? "" : `, and no suffix ${noSuffix}`}`,
      conflict: { address, status, userId },
    })),
  });
}

/** `#` when the body does not name the address: a restore has no body, a patch may leave a field out. */
function pointerTo(address: string, body: Body): string {
  const same = (other: string): boolean => addressKey(other) === addressKey(address);
  if (body.primarySmtp !== undefined && same(body.primarySmtp)) return "#/primarySmtp";
  const index = body.secondarySmtps?.findIndex(same) ?? -1;
  return index < 0 ? "#" : `#/secondarySmtps/${index}`;
}
