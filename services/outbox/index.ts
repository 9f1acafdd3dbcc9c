/** The outbox service: the life of the relay, and the nudge by which a writer tells that it has committed. */
import type { ServiceSchema } from "moleculer";
import { busCheck, publishFault } from "../../mixins/bus/check.ts";
import { OutboxMessage, partitionOf } from "../../mixins/bus/outbox.ts";
import { healthMixin } from "../../mixins/health.ts";
import { actionsOf } from "../../mixins/moleculer/actions.ts";
import type { Platform } from "../../mixins/platform.ts";
import { database } from "../../mixins/postgres/database.ts";
import { sweepingMixin } from "../../mixins/postgres/sweeping.ts";
import type { Config } from "../config/index.ts";
import { outboxAppended } from "../contracts/events.ts";
import { backlogsOf } from "./backlogs.ts";
import { PublishedEvent } from "./entities.ts";
import { batchesMax, Relay } from "./relay.ts";
import { arrayLiteral, usersPending } from "./sql.ts";
import { statusOf } from "./status.ts";
import { eventsOf, sweepPublished } from "./trace.ts";

/** One for each batch in hand, one for measuring and health. */
const poolMax = batchesMax + 1;
const statementTimeoutMs = 10_000;

/** Needs `usersDatabaseUrl`. The event `outboxAppended` and the action `outbox.nudge` mean the same. */
export default function outboxService(
  platform: Platform,
  config: Pick<Config, "usersDatabaseUrl" | "traceDays">,
): ServiceSchema {
  if (config.usersDatabaseUrl === undefined)
    throw new Error("Cannot make the outbox service: the URL of the users database is not set");
  const { bus, metrics } = platform;
  const log = platform.log.child({ service: "outbox" });
  const db = database({
    url: config.usersDatabaseUrl,
    entities: [OutboxMessage as never, PublishedEvent as never],
    applicationName: "mailroster-outbox",
    poolMax,
    statementTimeoutMs,
    metrics,
    log,
  });
  let relay: Relay | undefined;
  return {
    name: "outbox",
    // Moleculer starts the last mixin first and stops it last: whatever uses the database lives within its life.
    mixins: [
      healthMixin({
        database: db.check,
        bus: busCheck(bus),
      }),
      sweepingMixin("published events", () => sweepPublished(db, config.traceDays), log),
      db.mixin,
    ],
    actions: actionsOf("outbox", {
      nudge() {
        relay?.nudge();
        return null;
      },
      trace: (ctx) => eventsOf(db, ctx.params, publishFault(bus)),
      status: (ctx) => statusOf(db, ctx.params.limit, publishFault(bus)),
      async pending(ctx) {
        const partitions = arrayLiteral(new Set(ctx.params.userIds.map(partitionOf)));
        const rows = await db.read((em) =>
          em.execute<{ userId: string }[]>(usersPending, [partitions, arrayLiteral(ctx.params.userIds)]),
        );
        return { userIds: rows.map(({ userId }) => userId) };
      },
      backlogs: () => backlogsOf(bus),
    }),
    events: { [outboxAppended]: () => relay?.nudge() },
    async started() {
      relay = new Relay({ db, bus, log, metrics });
      relay.start();
    },
    async stopped() {
      await relay?.stop();
      relay = undefined;
    },
  };
}
