/** Says which address of a request is taken in the terms of that request: a pointer into the client's own body. */
import { addressKey } from "../contracts/address.ts";
import { Refusal } from "../contracts/errors.ts";
import type { Command, OwnedAddress } from "./rules.ts";

/** A user can't have one of the addresses it would have; `keys` are those in conflict. */
export function addressTaken(
  command: Command,
  addresses: readonly OwnedAddress[],
  keys: ReadonlySet<string>,
): Refusal {
  const taken = addresses.map(({ address }) => address).filter((address) => keys.has(addressKey(address)));
  return new Refusal("address-taken", "Cannot assign every address: some are taken", {
    addresses: taken,
    errors: taken.map((address) => ({ pointer: pointerTo(address, command), detail: "is taken" })),
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

/** The keys in conflict out of the registry's refusal, whose pointers are into the list that it was asked for. */
export function keysInConflict(refusal: Refusal, addresses: readonly OwnedAddress[]): Set<string> {
  const indexes = (refusal.data.errors ?? []).map(({ pointer }) => /^#\/addresses\/(\d+)/.exec(pointer)?.[1]);
  return new Set(
    indexes.flatMap((index) => {
      const asked = index === undefined ? undefined : addresses[Number(index)];
      return asked === undefined ? [] : [addressKey(asked.address)];
    }),
  );
}
