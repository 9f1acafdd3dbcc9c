/**
 * smtp-registry: the authority over the whole namespace of SMTP addresses. It knows users only by their id and by
 * their events, and keeps its own database.
 *
 * Promise: no two users hold one conflict key, a tombstoned address is never handed to another user, and who owned an
 * address at any time in the past can be told.
 */
import type { ServiceSchema } from "moleculer";
import { busCheck } from "../../mixins/bus/check.ts";
import { consumerOutcomes } from "../../mixins/bus/consumer-outcomes.ts";
import { eventConsumer } from "../../mixins/bus/event-consumer.ts";
import { healthMixin } from "../../mixins/health.ts";
import { actionsOf } from "../../mixins/moleculer/actions.ts";
import type { Platform } from "../../mixins/platform.ts";
import { database } from "../../mixins/postgres/database.ts";
import { databaseFigures } from "../../mixins/postgres/database-figures.ts";
import type { Config } from "../config/index.ts";
import { consumers } from "../contracts/consumers.ts";
import { blockedNames } from "./blocked.ts";
import { digestRegistry } from "./digest.ts";
import { registryEntities } from "./entities.ts";
import { holdsMixin } from "./holds.ts";
import { lookUp } from "./look-up.ts";
import { apply } from "./projection.ts";
import type { RegistryRules } from "./request.ts";
import { release } from "./reservations.ts";
import { reserving } from "./reserve.ts";
import { sweepMixin } from "./sweep.ts";
import { traceRegistry } from "./trace.ts";

const poolMax = 10;
/** A write must be answered within 2 s; what a reservation does takes a few milliseconds. */
const statementTimeoutMs = 1_400;

export type RegistryConfig = Pick<
  Config,
  | "registryDatabaseUrl"
  | "reservationTtlMs"
  | "tombstoneDays"
  | "quarantineDays"
  | "blockedLocalParts"
  | "retryDelaysMs"
  | "traceDays"
>;

/** Throws when the configuration has no database for it. */
export default function smtpRegistryService(platform: Platform, config: RegistryConfig): ServiceSchema {
  if (config.registryDatabaseUrl === undefined)
    throw new Error("Cannot make smtp-registry: the configuration has no REGISTRY_DATABASE_URL");
  const log = platform.log.child({ service: "smtp-registry" });
  const db = database({
    url: config.registryDatabaseUrl,
    entities: registryEntities,
    applicationName: "mailroster-smtp-registry",
    poolMax,
    statementTimeoutMs,
    metrics: platform.metrics,
    log,
  });
  const rules: RegistryRules = {
    terms: { tombstoneDays: config.tombstoneDays, quarantineDays: config.quarantineDays },
    reservationTtlMs: config.reservationTtlMs,
    blocked: blockedNames(config.blockedLocalParts),
    now: platform.now,
  };
  const reserve = reserving(db, rules);
  const consumer = "smtp-registry";
  const outcomes = consumerOutcomes(db, { consumer, retentionDays: config.traceDays, log });
  return {
    name: "smtp-registry",
    // Moleculer starts the last mixin first and stops it last: whatever uses the database lives within its life.
    mixins: [
      healthMixin({ database: db.check, bus: busCheck(platform.bus) }),
      sweepMixin(db, rules, log),
      holdsMixin(db, rules, log),
      outcomes.mixin,
      eventConsumer({
        name: consumer,
        queue: consumers["smtp-registry"].queue,
        bus: platform.bus,
        retryDelaysMs: config.retryDelaysMs,
        log,
        metrics: platform.metrics,
        apply: outcomes.applying((em, events) => apply(em, rules, events)),
        failed: outcomes.failed,
      }),
      databaseFigures("registry", db, platform.metrics),
      db.mixin,
    ],
    actions: actionsOf("smtp-registry", {
      reserve: (ctx) => reserve(ctx.params, ctx.options.timeout || undefined), // 0: for ever
      release: async (ctx) => ({ released: await release(db, ctx.params) }),
      lookup: (ctx) => lookUp(db, rules, ctx.params),
      trace: (ctx) => traceRegistry(db, rules, outcomes, ctx.params),
      digest: (ctx) => digestRegistry(db, rules, ctx.params),
    }),
  };
}
