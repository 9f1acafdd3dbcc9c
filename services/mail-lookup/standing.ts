/** What the registry's rows say of a recipient, with every doubt kept apart from what is known. Pure. */
import { type Holding, statusOf, type Terms } from "../contracts/terms.ts";
import type { AddressKind } from "../contracts/user.ts";
import type { Question } from "./question.ts";
import type { DomainRow, HolderRow } from "./sql.ts";

export type Standing =
  | {
      readonly state: "active";
      readonly kind: AddressKind;
      readonly primary: string;
      readonly isEnabled: boolean;
      readonly tag: string;
    }
  /** postmaster or abuse in a domain of ours, which nobody has for himself. */
  | { readonly state: "postmaster"; readonly primary: string }
  /** Deleted or quarantined, and nobody else's. */
  | { readonly state: "gone" }
  | { readonly state: "nobody" }
  /** A hold: of a user who is being made, or has been, its event still on the way. */
  | { readonly state: "reserved" }
  /** Something has failed: nobody can say whether there is such an address, and `because` goes to the log of who asked. */
  | { readonly state: "doubt"; readonly because: string };

export type DomainStanding = { readonly state: "ours" | "nobody" } | Extract<Standing, { state: "doubt" }>;

export const doubt = (because: string): Standing => ({ state: "doubt", because });

const statuses: readonly string[] = ["reserved", "active", "deleted"] satisfies Holding["status"][];

function standingOfRow(row: HolderRow | undefined, tag: string, now: Date, terms: Terms): Standing {
  if (row === undefined) return doubt("the registry has not answered for it");
  const { status, kind, primary, deletedAt, erasedDeletedAt } = row;
  if (status !== null && !statuses.includes(status)) return doubt("its state is not known");
  const own = status === null ? undefined : { status: status as Holding["status"], deletedAt };
  switch (statusOf(own, now, terms)) {
    case "reserved":
      return { state: "reserved" };
    case "active":
      if (kind === null || primary === null) return doubt("its user has no primary address");
      return { state: "active", kind, primary, isEnabled: row.isEnabled ?? true, tag };
    case "deleted":
    case "quarantined":
      return { state: "gone" };
    case "available":
    case "blocked": {
      const erased = { status: "deleted", deletedAt: erasedDeletedAt } as const;
      const isGone = erasedDeletedAt !== null && statusOf(erased, now, terms) !== "available";
      return { state: isGone ? "gone" : "nobody" };
    }
  }
}

/** The whole address first; without its tag only when nobody has or had that. */
export function standingOf(
  { exact, base, tag }: Question,
  rows: ReadonlyMap<string, HolderRow>,
  now: Date,
  terms: Terms,
): Standing {
  const whole: Standing =
    exact === undefined ? { state: "nobody" } : standingOfRow(rows.get(exact), "", now, terms);
  return whole.state === "nobody" && base !== undefined
    ? standingOfRow(rows.get(base), tag, now, terms)
    : whole;
}

export function domainStandingOf(row: DomainRow | undefined): DomainStanding {
  if (row === undefined) return { state: "doubt", because: "the registry has not answered for it" };
  if (row.hasActive) return { state: "ours" };
  return row.hasHold ? { state: "doubt", because: "its first address is being given" } : { state: "nobody" };
}
