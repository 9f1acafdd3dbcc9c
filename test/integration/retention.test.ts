/** What a trace is told from is forgotten after its term: each sweep, beyond one batch, leaving what is within it. */
import test from "ava";
import { consumerOutcomes } from "../../mixins/bus/consumer-outcomes.ts";
import { idempotency } from "../../mixins/idempotency.ts";
import { sweepPublished } from "../../services/outbox/trace.ts";
import { testLogger } from "../support/logs.ts";
import { type OutboxParts, outboxParts } from "../support/outbox-parts.ts";

const days = 7;
const old = 1_200;
const all = old + 10;
/** Of the n-th row: the first `old` ones are over their term. */
const age = `case when n <= ${old} then interval '8 days' else interval '6 days' end`;
const log = testLogger({ nodeId: "retention" });

let rig: OutboxParts;
test.before(async () => {
  rig = await outboxParts();
});
test.after.always(() => rig.close());

const left = async (table: string): Promise<number> =>
  (await rig.pool.query(`select from ${table}`)).rowCount ?? 0;

test("published events leave after the days of a trace", async (t) => {
  await rig.pool.query(`
    insert into published_events
    select n, gen_random_uuid(), gen_random_uuid(), 'x', 'x', null, 1, now() - ${age}, now() - ${age}
    from generate_series(1, ${all}) n`);
  t.is(await sweepPublished(await rig.openDatabase(), days), old);
  t.is(await left("published_events"), all - old);
});

test("published events leave also while there are some before them that had to wait", async (t) => {
  const { pool, openDatabase, close } = await outboxParts();
  t.teardown(close);
  const put = (from: number, to: number, publishedAt: string) =>
    pool.query(`
      insert into published_events
      select n, gen_random_uuid(), gen_random_uuid(), 'x', 'x', null, 1, now() - ${age}, ${publishedAt}
      from generate_series(${from}, ${to}) n`);
  await put(1, 600, "now()");
  await put(601, 3_000, "now() - interval '30 days'");
  t.is(await sweepPublished(await openDatabase(), days), 2_400);
});

test("a consumer's outcomes leave after the days of a trace, those of another consumer by its own sweep", async (t) => {
  for (const consumer of ["one", "other"])
    await rig.pool.query(
      `insert into consumer_outcomes select $1, gen_random_uuid(), 'retried', 1, null, now() - ${age}
       from generate_series(1, ${all}) n`,
      [consumer],
    );
  const db = await rig.openDatabase();
  t.is(await consumerOutcomes(db, { consumer: "one", retentionDays: days, log }).sweep(), old);
  t.is(await left("consumer_outcomes"), 2 * all - old);
});

test("the repeats of a keyed request leave with its answer", async (t) => {
  await rig.pool.query(`
    insert into idempotency_replays
    select n::text, 'x', null, 'x', 1, now(), now() + interval '7 days' - ${age} from generate_series(1, ${all}) n`);
  const keys = idempotency(await rig.openDatabase(), { ttlMs: 1_000, now: () => new Date(), log });
  t.is(await keys.sweep(), old);
  t.is(await left("idempotency_replays"), all - old);
});
