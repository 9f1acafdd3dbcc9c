/**
 * Promise: what was unusual about an event at its consumer (repeated, stale, processed only after failures, failing
 * now) can be told later; the usual case writes nothing.
 *
 * Noted in the consumer's own transaction, so it is there exactly when the effect is; a failure, whose transaction is
 * rolled back, in one of its own, as well as it goes. Each consumer's database has the table.
 */
import { defineEntity, p } from "@mikro-orm/core";
import { sql } from "kysely";
import type { UserFact } from "../../services/contracts/events.ts";
import type { ConsumerOutcome } from "../../services/contracts/trace.ts";
import type { Mixin } from "../basics/mixin.ts";
import type { Logger } from "../log/logging.ts";
import type { Database, EntityManager } from "../postgres/database.ts";
import { json, run } from "../postgres/statement.ts";
import { sweeper, sweepRows } from "../postgres/sweeping.ts";
import type { ApplyEvents, EventFailed } from "./event-consumer.ts";

export const ConsumerOutcomeRow = defineEntity({
  name: "ConsumerOutcomeRow",
  tableName: "consumer_outcomes",
  properties: {
    consumer: p.text().primary(),
    eventId: p.uuid().primary(),
    result: p.text().primary(),
    /** How often that happened; of `processed`: after how many failures. */
    times: p.integer(),
    /** Of `retried`: the kind and place of the last error, without values. */
    error: p.text().nullable(),
    at: p.datetime(3).defaultRaw("now()"),
  },
  indexes: [{ name: "consumer_outcomes_at_idx", properties: ["at"] }],
  checks: [
    {
      name: "consumer_outcomes_result_check",
      expression: "result in ('processed', 'duplicate', 'stale', 'retried')",
    },
  ],
});

interface Note {
  readonly event_id: string;
  readonly result: ConsumerOutcome["result"];
  readonly times: number;
  readonly error?: string;
}

type OutcomeRow = Omit<ConsumerOutcome, "at"> & { readonly at: Date };

/** Repeats add up, failures are counted by the queue. Ordered, so that two batches queue instead of deadlocking. */
const noting = (consumer: string, notes: readonly Note[]) => sql`
insert into consumer_outcomes as o (consumer, event_id, result, times, error)
select ${consumer}, n.event_id, n.result, max(n.times), max(n.error)
from jsonb_to_recordset(${json(notes)}) as n (event_id uuid, result text, times int, error text)
group by n.event_id, n.result order by n.event_id, n.result
on conflict (consumer, event_id, result) do update
   set times = case when o.result in ('duplicate', 'stale') then o.times + excluded.times
                    else greatest(o.times, excluded.times) end,
       error = excluded.error, at = excluded.at`;

const outcomesOf = (consumer: string, eventIds: readonly string[]) => sql<OutcomeRow>`
select event_id, result, times, error, at,
  greatest(extract(epoch from now() - at), 0)::float8 as "ageS"
from consumer_outcomes where consumer = ${consumer} and event_id = any (${eventIds}::uuid[])`;

const forget = (consumer: string, days: number, rowsMax: number) => sql`
delete from consumer_outcomes where (consumer, event_id, result) in (
  select consumer, event_id, result from consumer_outcomes
  where consumer = ${consumer} and at < now() - make_interval(days => ${days})
  order by at limit ${rowsMax} for update skip locked)
returning 1 as deleted`;

export type ApplyInTransaction = (em: EntityManager, facts: readonly UserFact[]) => ReturnType<ApplyEvents>;

export interface Outcomes {
  readonly mixin: Mixin;
  /** Around a consumer's `apply`: in one transaction the effects, and what was unusual. */
  applying(apply: ApplyInTransaction): ApplyEvents;
  readonly failed: EventFailed;
  of(eventIds: readonly string[]): Promise<ConsumerOutcome[]>;
  /** One round: deletes what is over the term; resolves with how many. */
  sweep(): Promise<number>;
}

interface Options {
  readonly consumer: string;
  readonly retentionDays: number;
  readonly log: Logger;
}

/** For any consumer whose database has the table. */
export function consumerOutcomes(db: Database, { consumer, retentionDays, log }: Options): Outcomes {
  const sweep = (): Promise<number> => sweepRows(db, (rowsMax) => forget(consumer, retentionDays, rowsMax));
  return {
    mixin: sweeper("consumer outcomes", sweep, log),
    sweep,
    applying: (apply) => (events, failuresOf) =>
      db.transaction(async (em) => {
        const applied = await apply(em, events);
        const unusual = events.flatMap((event, index): Note[] => {
          const result = applied[index] ?? "processed";
          const failures = failuresOf(event);
          if (result === "processed" && failures === 0) return [];
          return [{ event_id: event.id, result, times: result === "processed" ? failures : 1 }];
        });
        if (unusual.length > 0) await run(em, noting(consumer, unusual));
        return applied;
      }),
    async failed(event, failures, error) {
      const failure: Note = { event_id: event.id, result: "retried", times: failures, error };
      await db.transaction((em) => run(em, noting(consumer, [failure])));
    },
    of: async (eventIds) => {
      const rows = await db.read((em) => run(em, outcomesOf(consumer, eventIds)));
      return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
    },
  };
}
