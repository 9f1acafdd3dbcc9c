/** What a reservation asks for, and by which rules it is judged. Pure. */
import type { ActionParams } from "../contracts/actions.ts";
import type { Terms } from "../contracts/terms.ts";
import type { AddressKind } from "../contracts/user.ts";
import type { BlockedNames } from "./blocked.ts";

export interface RegistryRules {
  readonly terms: Terms;
  readonly reservationTtlMs: number;
  readonly blocked: BlockedNames;
  readonly now: () => Date;
}

export type ReserveRequest = ActionParams<"smtp-registry.reserve">;

export interface Wanted {
  readonly key: string;
  readonly address: string;
  readonly kind: AddressKind;
  readonly pointer: string;
}

/** What stays the same while one request is run, possibly several times. */
export interface Run {
  readonly request: ReserveRequest;
  readonly wanted: readonly Wanted[];
  readonly now: Date;
  readonly freed: Date;
  readonly expiresAt: Date;
  /** On the monotonic clock: a run that begins or looks on later would answer nobody. */
  readonly giveUpAt: number;
  readonly rules: RegistryRules;
}

/** Whether the request takes no other address in place of this one. */
export const isRefusedWhenTaken = ({ onTaken }: ReserveRequest, { kind }: Pick<Wanted, "kind">): boolean =>
  onTaken === "refuse" || (onTaken === "suffix-primary" && kind === "secondary");
