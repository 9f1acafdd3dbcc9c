/** Says which address of a request is taken in the terms of that request: a pointer into the client's own body. */
import * as z from "zod";
import { addressKey } from "../contracts/address.ts";
import { Refusal } from "../contracts/errors.ts";
import { AddressKind, AddressStatus } from "../contracts/user.ts";
import type { AddressKey } from "./entities.ts";
import type { Command, OwnedAddress } from "./rules.ts";

/** As smtp-registry lists them in the data of its `address-taken`. */
const Conflicts = z.array(z.object({ address: z.string(), kind: AddressKind, status: AddressStatus }));
type Conflicts = z.infer<typeof Conflicts>;

/** The registry's refusal, told in the terms of the command. */
export const restated = (refusal: Refusal, command: Command): Refusal =>
  addressTaken(command, Conflicts.parse(refusal.data.conflicts));

/** What another user holds of the addresses, by our own constraint. */
export const heldAmong = (addresses: readonly OwnedAddress[], held: readonly AddressKey[]): Conflicts =>
  addresses.flatMap((owned) => {
    const by = held.find(({ key }) => key === addressKey(owned.address));
    return by === undefined ? [] : [{ ...owned, status: by.deletedAt === null ? "active" : "deleted" }];
  });

/** A user can't have one of the addresses that it would have. */
export function addressTaken(command: Command, conflicts: Conflicts): Refusal {
  return new Refusal("address-taken", "Cannot assign every address: some are taken", {
    conflicts,
    errors: conflicts.map(({ address, status }) => ({
      pointer: pointerTo(address, command),
      detail: `is not available: it is ${status}`,
    })),
  });
}

/** `#` when the body does not name the address: a restore has no body, a patch may leave a field out. */
function pointerTo(address: string, command: Command): string {
  if (command.kind !== "edit") return "#";
  const same = (other: string): boolean => addressKey(other) === addressKey(address);
  if (command.primarySmtp !== undefined && same(command.primarySmtp)) return "#/primarySmtp";
  const index = command.secondarySmtps?.findIndex(same) ?? -1;
  return index < 0 ? "#" : `#/secondarySmtps/${index}`;
}
