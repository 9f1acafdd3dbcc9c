/**
 * access: who may ask without being a person, the keys of machines; and what anybody did, read or was refused that no
 * event tells.
 *
 * Promise: of a key only its hash is kept, and it is told once; a change of a key is on record, and every gateway knows of
 * it at once, or when it asks next.
 */
import type { Context, ServiceBroker, ServiceSchema } from "moleculer";
import { retry } from "../../mixins/basics/retry.ts";
import { askerOf, newCorrelationId } from "../../mixins/context/correlation.ts";
import { idempotency } from "../../mixins/idempotency.ts";
import { idempotencyEntities } from "../../mixins/idempotency-rows.ts";
import { actionsOf } from "../../mixins/moleculer/actions.ts";
import type { Platform } from "../../mixins/platform.ts";
import { sweeper } from "../../mixins/postgres/sweeping.ts";
import { dataService } from "../../mixins/service.ts";
import type { Config } from "../config/index.ts";
import { newKey } from "../contracts/access-key.ts";
import type { ActionName, CallMeta } from "../contracts/actions.ts";
import { Unavailable } from "../contracts/errors.ts";
import { type AccessKey, type CreatedKey, keysChangedEvent } from "../contracts/keys.ts";
import { listActivities, storeActivities, sweepActivities } from "./activities.ts";
import type { Doer } from "./activity.ts";
import { endSessions } from "./ended-sessions.ts";
import { accessEntities } from "./entities.ts";
import { showKeys } from "./figures.ts";
import * as keys from "./keys.ts";
import { requireOwnRights } from "./rights.ts";

const poolMax = 3;
const statementTimeoutMs = 1_000;
const hourMs = 3_600_000;
/** Of a start, for a database that is late or comes back: some seven seconds. */
const startPatience = {
  ...{ attemptsMax: 10, minMs: 100, maxMs: 1_000 },
  mayPass: (error: unknown): boolean => error instanceof Unavailable,
};

type Asked = Context<unknown, CallMeta>;

const doerOf = ({ meta }: Asked): Doer => {
  const { actor, correlationId } = askerOf(meta);
  return { principal: actor, credential: meta.user?.credential, correlationId };
};

/** Throws when the configuration has no `usersDatabaseUrl`. */
export default function accessService(platform: Platform, config: Config): ServiceSchema {
  const { metrics, now } = platform;
  const { db, log, schema } = dataService("access", platform, config, {
    entities: [...accessEntities, ...idempotencyEntities],
    poolMax,
    statementTimeoutMs,
  });
  // Expired answers are swept by users, whose table it is too.
  const repeats = idempotency(db, { ttlMs: config.idempotencyHours * hourMs, now, log });
  let hideKeys: () => void = () => {};
  const ending = new AbortController();

  const changed = (broker: ServiceBroker, what: string, { id, name, role }: AccessKey, by: string): void => {
    log.info({ keyId: id, name, role, by }, `access key ${what}`);
    void broker.broadcast(keysChangedEvent);
  };

  /** Makes a key once for each request; of a repeat its text is gone, because it is kept nowhere. */
  const make = async (
    ctx: Asked,
    action: ActionName,
    store: (made: ReturnType<typeof newKey>, change: keys.Change) => Promise<AccessKey>,
  ): Promise<CreatedKey> => {
    const made = newKey();
    let key: string | undefined;
    const answer = await repeats.run({ action, params: ctx.params, meta: ctx.meta }, async (ticket) => {
      const stored = await store(made, { doer: doerOf(ctx), at: now(), remember: ticket.remember });
      key = made.key;
      return stored;
    });
    if (key === undefined) return answer;
    changed(ctx.broker, "made", answer, doerOf(ctx).principal);
    return { ...answer, key };
  };

  const takeBootstrapKey = async (key: string): Promise<void> => {
    const doer = keys.bootstrapDoer(newCorrelationId());
    const take = (): Promise<boolean> => keys.takeBootstrapKey(db, key, { doer, at: now() });
    if (await retry(take, { ...startPatience, signal: ending.signal }))
      log.warn("The key of AUTH_BOOTSTRAP_KEY is good for 24 h, or until there is another owner's key");
  };

  return schema({
    mixins: [
      {
        async started() {
          hideKeys = showKeys(db, now, metrics);
          if (config.bootstrapKey !== undefined) await takeBootstrapKey(config.bootstrapKey);
        },
        stopped() {
          ending.abort();
          hideKeys();
        },
      },
      sweeper("activity", () => sweepActivities(db, now, config.activityDays), log),
    ],
    actions: actionsOf("access", {
      async create(ctx) {
        const { name, role, domains = null, expiresAt } = ctx.params;
        requireOwnRights(ctx.meta.user, { role, domains });
        const until = expiresAt === undefined ? undefined : new Date(expiresAt);
        const wish: keys.KeyWish = { name, role, domains, expiresAt: until };
        return make(ctx, "access.create", (made, change) => keys.createKey(db, made, wish, change));
      },
      async rotate(ctx) {
        requireOwnRights(ctx.meta.user, await keys.getKey(db, ctx.params.id, now()));
        return make(ctx, "access.rotate", (made, change) => keys.rotateKey(db, made, ctx.params, change));
      },
      async revoke(ctx) {
        const { id, reason } = ctx.params;
        const doer = doerOf(ctx);
        await keys.revokeKey(db, id, reason, { doer, at: now() });
        changed(ctx.broker, "revoked", await keys.getKey(db, id, now()), doer.principal);
        return null;
      },
      async "end-sessions"(ctx) {
        const { kind, id } = ctx.params;
        const { user } = ctx.meta;
        const isOwn = kind === "session" && user?.session === id;
        await endSessions(db, ctx.params, { doer: doerOf(ctx), at: now(), isOwn });
        if (!isOwn) log.info({ kind, by: doerOf(ctx).principal }, "sessions of the console ended");
        void ctx.broker.broadcast(keysChangedEvent);
        return null;
      },
      list: (ctx) => keys.listKeys(db, ctx.params, now()),
      get: (ctx) => keys.getKey(db, ctx.params.id, now()),
      changes: (ctx) => keys.keyChanges(db, ctx.params.since, now()),
      activity: (ctx) => listActivities(db, ctx.params),
      async record(ctx) {
        await storeActivities(db, ctx.params);
        return null;
      },
      async used(ctx) {
        await keys.noteUses(db, ctx.params);
        return null;
      },
    }),
  });
}
