/**
 * Promise: whoever scrapes sees how many letters of each queue are pending; what was settled longer ago than the term
 * leaves the table by itself, a few rows at a time. What is pending stays for ever.
 */

import { DeadLetterRecord } from "../../mixins/bus/dead-letters.ts";
import type { Metrics } from "../../mixins/metrics/metrics.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { sweepRows } from "../../mixins/postgres/sweeping.ts";
import { consumerQueues } from "../contracts/consumers.ts";
import { dayMs } from "../contracts/terms.ts";
import * as sql from "./sql.ts";

/** One round over the letters that were settled before the term; resolves with how many are gone. */
export const sweepSettled = (db: Database, now: () => Date, retentionDays: number): Promise<number> =>
  sweepRows(db, (rowsMax) => sql.deleteSettled(new Date(now().getTime() - retentionDays * dayMs), rowsMax));

/** The same of replays of a cause that began before the term, with what they sent. */
export async function sweepReplays(db: Database, now: () => Date, retentionDays: number): Promise<number> {
  const before = new Date(now().getTime() - retentionDays * dayMs);
  const letters = await sweepRows(db, (rowsMax) => sql.deleteReplayed(before, rowsMax));
  return letters + (await sweepRows(db, (rowsMax) => sql.deleteReplays(before, rowsMax)));
}

/** The gauge as the table stands at a scrape; queues that had letters once stay shown. Returns how to end it. */
export function showPending(db: Database, metrics: Pick<Metrics, "deadLetters" | "onScrape">): () => void {
  const queues = new Set<string>(consumerQueues);
  return metrics.onScrape({
    async measure() {
      // An index-only count of what is pending, which an operator keeps small.
      const pending = await db.read((em) =>
        em.countBy(DeadLetterRecord, "queue", { where: { status: "pending" } }),
      );
      for (const queue of Object.keys(pending)) queues.add(queue);
      return () => {
        for (const queue of queues) metrics.deadLetters.set({ queue }, pending[queue] ?? 0);
      };
    },
    forget: () => metrics.deadLetters.reset(),
  });
}
