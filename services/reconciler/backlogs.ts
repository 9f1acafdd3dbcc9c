/**
 * Promise: what may still wait in a consumer's queue is not taken for lost, and no loss hides behind a queue for longer
 * than a bound, whatever restarts.
 *
 * Nobody can ask a queue whose events are in it. But it is first in, first out: once it has been seen empty after the
 * first look at a difference, the event is not in it. Until then the difference is pending, for as long as messages
 * were seen at every look of every pass, up to the bound, by the database's clock alone.
 */

import type { Database } from "../../mixins/postgres/database.ts";
import { consumerQueues } from "../contracts/consumers.ts";
import { ConsistencyBacklog } from "./entities.ts";
import type { Ask } from "./sources.ts";

/** Far above the retry ladder (13 minutes) and a night without a consumer. */
const backlogSMax = 24 * 3_600;

export interface Backlogs {
  /** Messages are in it; resolves with for how many seconds that has been so. */
  seen(queue: string): Promise<number>;
  /** None is. */
  gone(queue: string): Promise<void>;
}

export const backlogs = (db: Database): Backlogs => ({
  async seen(queue) {
    return db.transaction(async (em) => {
      await em.upsert(ConsistencyBacklog, { queue }, { onConflictAction: "ignore" });
      const backlog = await em.findOne(ConsistencyBacklog, { queue }, { populate: ["ageS"], refresh: true });
      return backlog?.ageS ?? 0;
    });
  },
  gone: async (queue) => void (await db.transaction((em) => em.nativeDelete(ConsistencyBacklog, { queue }))),
});

export interface QueueWatch {
  look(): Promise<void>;
  /** Whether an event that was in the queue when the watch began can still be there. */
  mayHold(queue: string): boolean;
}

/** Over the queues of every consumer. A broker that does not tell is one that may hold anything. */
export function watchQueues(ask: Ask, kept: Backlogs): QueueWatch {
  const ages = new Map<string, number>();
  const emptied = new Set<string>();
  return {
    async look() {
      const { queues } = await ask("outbox.backlogs", {});
      for (const queue of consumerQueues) {
        if (emptied.has(queue)) continue;
        if (queues?.find((state) => state.queue === queue)?.messages === 0) {
          emptied.add(queue);
          await kept.gone(queue);
        } else if (!ages.has(queue)) ages.set(queue, await kept.seen(queue));
      }
    },
    mayHold: (queue) => !emptied.has(queue) && (ages.get(queue) ?? 0) <= backlogSMax,
  };
}
