/**
 * Promise: every change of a user is one entry, who, what, when, before and after, under which correlation id; none
 * is lost, none is doubled, none is ever changed.
 */
import type { ServiceSchema } from "moleculer";
import { ConsumerOutcomeRow } from "../../mixins/bus/consumer-outcomes.ts";
import { userEventConsumer } from "../../mixins/bus/user-event-consumer.ts";
import { actionsOf } from "../../mixins/moleculer/actions.ts";
import type { Platform } from "../../mixins/platform.ts";
import { dataService } from "../../mixins/service.ts";
import type { Config } from "../config/index.ts";
import { AuditEntryRow } from "./entities.ts";
import { append, digestTrails, entriesOfRequest, listEntries, recordedOf } from "./entries.ts";

const poolMax = 5;
const statementTimeoutMs = 10_000;

/** Throws when the configuration has no `usersDatabaseUrl`. */
export default function auditService(
  platform: Platform,
  config: Pick<Config, "usersDatabaseUrl" | "retryDelaysMs" | "traceDays">,
): ServiceSchema {
  const entities = [AuditEntryRow, ConsumerOutcomeRow];
  const { db, log, schema } = dataService("audit", platform, config, {
    entities,
    poolMax,
    statementTimeoutMs,
  });
  const { mixins, outcomes } = userEventConsumer("audit", { platform, config, db, log, apply: append });
  return schema({
    mixins,
    actions: actionsOf("audit", {
      list: (ctx) => listEntries(db, ctx.params, ctx.meta.user?.domains),
      async trace(ctx) {
        const { eventIds } = ctx.params;
        return { recorded: await recordedOf(db, eventIds), outcomes: await outcomes.of(eventIds) };
      },
      request: (ctx) => entriesOfRequest(db, ctx.params),
      digest: (ctx) => digestTrails(db, ctx.params),
    }),
  });
}
