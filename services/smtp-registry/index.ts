/**
 * smtp-registry: the authority over the whole namespace of SMTP addresses. It knows users only by their id and by
 * their events, and keeps its own database.
 *
 * Promise: no two users hold one conflict key, a tombstoned address is never handed to another user, and who owned an
 * address at any time in the past can be told.
 */
import type { ServiceSchema } from "moleculer";
import { userEventConsumer } from "../../mixins/bus/user-event-consumer.ts";
import { actionsOf } from "../../mixins/moleculer/actions.ts";
import type { Platform } from "../../mixins/platform.ts";
import { counting } from "../../mixins/postgres/counting.ts";
import { databaseFigures } from "../../mixins/postgres/database-figures.ts";
import { dataService } from "../../mixins/service.ts";
import type { Config } from "../config/index.ts";
import { blockedNames } from "./blocked.ts";
import { digestRegistry } from "./digest.ts";
import { registryEntities } from "./entities.ts";
import { giveGeneration } from "./generations.ts";
import { holdSettler } from "./lapsed-holds.ts";
import { addressesOfUser, lookUp } from "./look-up.ts";
import { freeAddress, listPast } from "./past.ts";
import { apply } from "./projection.ts";
import { release } from "./reserve-alone.ts";
import type { RegistryRules } from "./reserve-request.ts";
import { reserver } from "./reserve-together.ts";
import { countAddresses } from "./standing.ts";
import { takenOf } from "./taken.ts";
import { tombstoneSweeper } from "./tombstone-sweep.ts";
import { traceRegistry } from "./trace.ts";

const poolMax = 10;
/** A write must be answered within 2 s; what a reservation does takes a few milliseconds. */
const statementTimeoutMs = 1_400;

/** A count reads the whole table: 0.9 s a million addresses. */
const countPoolMax = 1;
const countTimeoutMs = 10_000;

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
  const { db, log, pool, schema } = dataService("smtp-registry", platform, config, {
    entities: registryEntities,
    poolMax,
    statementTimeoutMs,
  });
  const rules: RegistryRules = {
    terms: { tombstoneDays: config.tombstoneDays, quarantineDays: config.quarantineDays },
    reservationTtlMs: config.reservationTtlMs,
    blocked: blockedNames(config.blockedLocalParts),
    now: platform.now,
  };
  const reserve = reserver(db, rules);
  const countDb = pool(countPoolMax, countTimeoutMs);
  const counts = counting(() => countAddresses(countDb, rules), { now: platform.now, log });
  const consumer = userEventConsumer("smtp-registry", {
    platform,
    config,
    db,
    log,
    apply: (em, events) => apply(em, rules, events),
  });
  return schema({
    mixins: [
      tombstoneSweeper(db, rules, log),
      holdSettler(db, rules, log),
      ...consumer.mixins,
      countDb.mixin,
      databaseFigures("registry", db, platform.metrics),
    ],
    actions: actionsOf("smtp-registry", {
      reserve: (ctx) => reserve(ctx.params, ctx.options.timeout || undefined), // 0: for ever
      release: async (ctx) => ({ released: await release(db, ctx.params) }),
      taken: async (ctx) => ({ items: await takenOf(db, rules, ctx.params.keys) }),
      lookup: (ctx) => lookUp(db, rules, ctx.params, ctx.meta.user),
      history: (ctx) => listPast(db, rules, ctx.params, ctx.meta.user),
      free: async (ctx) => ({ freed: await freeAddress(db, rules, ctx.params) }),
      trace: (ctx) => traceRegistry(db, rules, consumer.outcomes, ctx.params),
      "addresses-of": async (ctx) => ({ items: await addressesOfUser(db, ctx.params.userId) }),
      digest: (ctx) => digestRegistry(db, rules, ctx.params),
      standing: async () => ({ counts: await counts() }),
      generation: (ctx) => giveGeneration(db, ctx.params.above),
    }),
  });
}
