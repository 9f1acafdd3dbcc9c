/** Which tables live in which database: what the migrator and the drift check need to know, and nothing else does. */
import type { EntitySchema } from "@mikro-orm/core";
import { ConsumerOutcomeRow } from "../../mixins/bus/consumer-outcomes.ts";
import { DeadLetterRecord } from "../../mixins/bus/dead-letters.ts";
import { OutboxMessage } from "../../mixins/bus/outbox-row.ts";
import { idempotencyEntities } from "../../mixins/idempotency-rows.ts";
import { AuditEntryRow } from "../audit/entities.ts";
import { PublishedEvent } from "../outbox/entities.ts";
import { ConsistencyAcknowledgement, ConsistencyBacklog } from "../reconciler/entities.ts";
import { registryEntities } from "../smtp-registry/entities.ts";
import { usersEntities } from "../users/entities.ts";

export type DatabaseName = "users" | "registry";

export const entitiesOf: Record<DatabaseName, readonly EntitySchema[]> = {
  users: [
    OutboxMessage as unknown as EntitySchema,
    DeadLetterRecord as unknown as EntitySchema,
    AuditEntryRow as unknown as EntitySchema,
    ...idempotencyEntities,
    PublishedEvent as unknown as EntitySchema,
    ConsumerOutcomeRow as unknown as EntitySchema,
    ConsistencyAcknowledgement as unknown as EntitySchema,
    ConsistencyBacklog as unknown as EntitySchema,
    ...usersEntities,
  ],
  registry: registryEntities,
};
