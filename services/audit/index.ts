/**
 * Promise: every change of a user is one entry, who, what, when, before and after, under which correlation id; none
 * is lost, none is doubled, none is ever changed.
 */
import type { ServiceSchema } from "moleculer";
import { busCheck } from "../../mixins/bus/check.ts";
import { ConsumerOutcomeRow, consumerOutcomes } from "../../mixins/bus/consumer-outcomes.ts";
import { eventConsumer } from "../../mixins/bus/event-consumer.ts";
import { healthMixin } from "../../mixins/health.ts";
import { actionsOf } from "../../mixins/moleculer/actions.ts";
import type { Platform } from "../../mixins/platform.ts";
import { database } from "../../mixins/postgres/database.ts";
import type { Config } from "../config/index.ts";
import { consumers } from "../contracts/consumers.ts";
import { AuditEntryRow } from "./entities.ts";
import { append, digestTrails, entriesOfRequest, listEntries, recordedOf } from "./entries.ts";

const poolMax = 5;
const statementTimeoutMs = 10_000;

/** Needs `usersDatabaseUrl`. */
export default function auditService(
  platform: Platform,
  config: Pick<Config, "usersDatabaseUrl" | "retryDelaysMs" | "traceDays">,
): ServiceSchema {
  if (config.usersDatabaseUrl === undefined)
    throw new Error("Cannot make the audit service: the URL of the users database is not set");
  const { bus, metrics } = platform;
  const log = platform.log.child({ service: "audit" });
  const db = database({
    url: config.usersDatabaseUrl,
    entities: [AuditEntryRow as never, ConsumerOutcomeRow as never],
    applicationName: "mailroster-audit",
    poolMax,
    statementTimeoutMs,
    metrics,
    log,
  });
  const outcomes = consumerOutcomes(db, { consumer: "audit", retentionDays: config.traceDays, log });
  const consumer = eventConsumer({
    name: "audit",
    queue: consumers.audit.queue,
    retryDelaysMs: config.retryDelaysMs,
    bus,
    metrics,
    log,
    apply: outcomes.applying(append),
    failed: outcomes.failed,
  });
  return {
    name: "audit",
    // Moleculer starts the last mixin first and stops it last: the consumer lives within the database's life.
    mixins: [
      healthMixin({
        database: db.check,
        bus: busCheck(bus),
      }),
      outcomes.mixin,
      consumer,
      db.mixin,
    ],
    actions: actionsOf("audit", {
      list: (ctx) => listEntries(db, ctx.params),
      async trace(ctx) {
        const { eventIds } = ctx.params;
        return { recorded: await recordedOf(db, eventIds), outcomes: await outcomes.of(eventIds) };
      },
      request: (ctx) => entriesOfRequest(db, ctx.params),
      digest: (ctx) => digestTrails(db, ctx.params),
    }),
  };
}
