/** The outbox service: the life of the relay, and the nudge by which a writer tells that it has committed. */
import type { ServiceSchema } from "moleculer";
import { publishFault } from "../../mixins/bus/bus-check.ts";
import { OutboxMessage } from "../../mixins/bus/outbox-row.ts";
import { actionsOf } from "../../mixins/moleculer/actions.ts";
import type { Platform } from "../../mixins/platform.ts";
import { sweeper } from "../../mixins/postgres/sweeping.ts";
import { dataService } from "../../mixins/service.ts";
import type { Config } from "../config/index.ts";
import { outboxAppended } from "../contracts/events.ts";
import { backlogsOf } from "./backlogs.ts";
import { PublishedEvent } from "./entities.ts";
import { batchesMax, Relay } from "./relay.ts";
import { outboxStatus, usersPending } from "./status.ts";
import { outboxEventsOf, sweepPublished } from "./trace.ts";

/** One for each batch in hand, one for measuring and health. */
const poolMax = batchesMax + 1;
const statementTimeoutMs = 10_000;

/**
 * Throws when the configuration has no `usersDatabaseUrl`. The event `outboxAppended` and the action `outbox.nudge`
 * mean the same.
 */
export default function outboxService(
  platform: Platform,
  config: Pick<Config, "usersDatabaseUrl" | "traceDays">,
): ServiceSchema {
  const { bus, metrics } = platform;
  const { db, log, schema } = dataService("outbox", platform, config, {
    entities: [OutboxMessage, PublishedEvent],
    poolMax,
    statementTimeoutMs,
  });
  let relay: Relay | undefined;
  return schema({
    mixins: [sweeper("published events", () => sweepPublished(db, config.traceDays), log)],
    actions: actionsOf("outbox", {
      nudge() {
        relay?.nudge();
        return null;
      },
      trace: (ctx) => outboxEventsOf(db, ctx.params, publishFault(bus)),
      status: (ctx) => outboxStatus(db, ctx.params.limit, publishFault(bus)),
      async pending(ctx) {
        return { userIds: await usersPending(db, ctx.params.userIds) };
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
  });
}
