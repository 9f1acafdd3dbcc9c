/** What a reservation asks for, each address once. Pure. */
import type { ActionParams } from "../contracts/actions.ts";
import { addressKey } from "../contracts/address.ts";
import type { AddressKind } from "../contracts/user.ts";

export type ReserveRequest = ActionParams<"smtp-registry.reserve">;

export interface Wanted {
  readonly key: string;
  readonly address: string;
  readonly kind: AddressKind;
  readonly pointer: string;
}

/** By key; what comes first (the primary, by order or by kind) decides. */
export function wantedOf(request: ReserveRequest): Wanted[] {
  const byKey = new Map<string, Wanted>();
  let secondaries = 0;
  const rows = request.addresses.map(({ address, kind }) => {
    const pointer = kind === "primary" ? "#/primarySmtp" : `#/secondarySmtps/${secondaries++}`;
    return { key: addressKey(address), address, kind, pointer };
  });
  for (const row of rows)
    if (!byKey.has(row.key) || (row.kind === "primary" && byKey.get(row.key)?.kind !== "primary"))
      byKey.set(row.key, row);
  return [...byKey.values()];
}

/** Whether the request takes no other address in place of this one. */
export const isRefusedWhenTaken = ({ onTaken }: ReserveRequest, { kind }: Pick<Wanted, "kind">): boolean =>
  onTaken === "refuse" || (onTaken === "suffix-primary" && kind === "secondary");
