/** How an installation stands, in one answer, and what the services say for it. */
import * as z from "zod";
import { DeadLetterCause } from "./dead-letters.ts";
import { Health } from "./health.ts";
import { LastReconciliation } from "./reconciliations.ts";

const count = z.int().min(0);
const countedAt = z.iso.datetime().meta({
  description: "When it was counted: again once a second or, where that takes long, 60 times as long",
});

export const UserCounts = z
  .object({
    active: count,
    deleted: count.meta({ description: "Those that were erased not among them" }),
    erased: count,
    countedAt,
  })
  .meta({ id: "UserCounts" });

const byStatus = {
  active: count,
  reserved: count.meta({ description: "Promised to writes under way" }),
  deleted: count.meta({ description: "A restore of the user gets them back" }),
  quarantined: count,
};
export const domainsMax = 100;
export const AddressCounts = z
  .object({
    ...byStatus,
    domains: z
      .array(
        z.object({
          domain: z.string().meta({ description: "In A-labels" }),
          users: count.meta({ description: "Users whose primary address is in it" }),
          ...byStatus,
        }),
      )
      .meta({ description: `The ${domainsMax} with the most addresses` }),
    domainsTotal: count.meta({ description: "In how many domains there are addresses" }),
    countedAt,
  })
  .meta({ id: "AddressCounts" });

/** null: it is being counted for the first time. */
export const UsersStanding = z.object({
  circuit: z.enum(["closed", "open", "half-open"]),
  counts: UserCounts.nullable(),
});
export type UsersStanding = z.infer<typeof UsersStanding>;
export const RegistryStanding = z.object({ counts: AddressCounts.nullable() });
export type RegistryStanding = z.infer<typeof RegistryStanding>;

export const Status = z
  .object({
    version: z.string().meta({ description: "Another one when something else is told; the ETag is this" }),
    at: z.iso.datetime().meta({ description: "When the snapshot was taken, at most a second ago" }),
    status: z.enum(["up", "down", "partial"]).meta({
      description: "down: a service can't work; partial: none is known to, but not all could be asked",
    }),
    checks: Health.shape.checks.meta({ description: "Each service, with what is wrong with it" }),
    outbox: z
      .object({ pending: count, oldestAgeS: z.number() })
      .nullable()
      .meta({ description: "Events that wait to be published" }),
    queues: z
      .array(z.object({ queue: z.string(), messages: count }))
      .nullable()
      .meta({ description: "What waits for each consumer behind the bus, retries included" }),
    circuit: UsersStanding.shape.circuit.nullable().meta({
      description: "open: writes are refused, because smtp-registry has stopped answering users",
    }),
    deadLetters: z
      .object({ pending: count, causes: z.array(DeadLetterCause) })
      .nullable()
      .meta({ description: "By cause, the one that failed last first, at most 100" }),
    reconciliation: LastReconciliation.nullable().meta({
      description: "The last one; null too: there was none",
    }),
    users: UserCounts.nullable(),
    addresses: AddressCounts.nullable(),
    unseen: z
      .array(z.object({ service: z.string(), reason: z.string() }))
      .meta({ description: "Who could not be asked; what it would have told is null" }),
  })
  .meta({ id: "Status" });
export type Status = z.infer<typeof Status>;
