/** Which tables live in which database: what the migrator and the drift check need to know, and nothing else does. */
import { ConsumerOutcomeRow } from "../../mixins/bus/consumer-outcomes.ts";
import { DeadLetterRecord } from "../../mixins/bus/dead-letters.ts";
import { OutboxMessage } from "../../mixins/bus/outbox-row.ts";
import { idempotencyEntities } from "../../mixins/idempotency-rows.ts";
import type { Entities } from "../../mixins/postgres/database.ts";
import { accessEntities } from "../access/entities.ts";
import { AuditEntryRow } from "../audit/entities.ts";
import { LetterReplayRow, ReplayedLetter } from "../dead-letters/entities.ts";
import { AcceptedDomainRow } from "../domains/entities.ts";
import { PublishedEvent } from "../outbox/entities.ts";
import { ConsistencyAcknowledgement, ConsistencyBacklog, ReconciliationRow } from "../reconciler/entities.ts";
import { scimGroupEntities } from "../scim/group-rows.ts";
import { registryEntities } from "../smtp-registry/entities.ts";
import { usersEntities } from "../users/entities.ts";

export type DatabaseName = "users" | "registry";

export const entitiesOf: Record<DatabaseName, Entities> = {
  users: [
    OutboxMessage,
    DeadLetterRecord,
    LetterReplayRow,
    ReplayedLetter,
    AuditEntryRow,
    ...idempotencyEntities,
    PublishedEvent,
    ConsumerOutcomeRow,
    ConsistencyAcknowledgement,
    ConsistencyBacklog,
    ReconciliationRow,
    ...usersEntities,
    ...accessEntities,
    AcceptedDomainRow,
    ...scimGroupEntities,
  ],
  registry: registryEntities,
};
