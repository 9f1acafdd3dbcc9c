/**
 * What a claim costs: the relay's own statements, timed where the relay sends them, on the table that has seen the run
 * and on a twin that has seen nothing else. Both do the same work in turn, so what the machine does hits both alike.
 */

import type { CompiledQuery, DatabaseConnection, QueryResult } from "kysely";
import type pg from "pg";
import { OutboxMessage } from "../../../mixins/bus/outbox-row.ts";
import type { Bus } from "../../../mixins/bus/port.ts";
import { processMetrics } from "../../../mixins/metrics/metrics.ts";
import { type Database, database, type EntityManager } from "../../../mixins/postgres/database.ts";
import { compile, type Statement } from "../../../mixins/postgres/statement.ts";
import type { UserEvent } from "../../../services/contracts/events.ts";
import { claimStatements } from "../../../services/outbox/claim-batch.ts";
import { Relay } from "../../../services/outbox/relay.ts";
import { partitionLockClass } from "../../../services/outbox/sql.ts";
import { eventually } from "../../support/eventually.ts";
import { testLogger } from "../../support/logs.ts";
import { appendEvents, outboxColumns } from "./writers.ts";

const roundsMax = 100;
const warmUpRounds = 20;
export const eventsPerRound = 64;

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const [claimText, readText] = claimStatements([], []).map((statement) => compile(statement).sql);

const lifecycle = (hook: unknown): Promise<void> => (hook as () => Promise<void>)();

export interface TimedRelay {
  readonly relay: Relay;
  /** Milliseconds of each claim that found rows, with its read; emptied by whoever reads them. */
  readonly claims: number[];
  /** The marks that the last claim was made with. */
  marks(): readonly bigint[];
  stop(): Promise<void>;
}

/** A relay like any other, but for the clock at its statements. */
export async function timedRelay(url: string, bus: Bus): Promise<TimedRelay> {
  const db = database({
    url,
    entities: [OutboxMessage],
    applicationName: "mailroster-outbox",
    poolMax: 2,
    statementTimeoutMs: 30_000,
  });
  await lifecycle(db.mixin.started);
  const claims: number[] = [];
  let marks: readonly bigint[] = [];
  const timed = (em: EntityManager): EntityManager => {
    const executor = em.getKysely().getExecutor();
    const watched = (connection: DatabaseConnection): Pick<DatabaseConnection, "executeQuery"> => {
      let claimedFrom = 0;
      return {
        async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
          if (query.sql === claimText) {
            marks = query.parameters[1] as readonly bigint[];
            claimedFrom = performance.now();
          }
          const result = await connection.executeQuery<R>(query);
          if (query.sql === readText && result.rows.length > 0) claims.push(performance.now() - claimedFrom);
          return result;
        },
      };
    };
    const provideConnection: typeof executor.provideConnection = (use) =>
      executor.provideConnection((connection) => use(watched(connection) as DatabaseConnection));
    em.getKysely = (() => ({ getExecutor: () => ({ provideConnection }) })) as never;
    return em;
  };
  const timing: Database = { ...db, transaction: (fn) => db.transaction((em) => fn(timed(em))) };
  const relay = new Relay({
    db: timing,
    bus,
    metrics: processMetrics(),
    log: testLogger({ level: "silent" }),
  });
  relay.start();
  return {
    relay,
    claims,
    marks: () => marks,
    async stop() {
      await relay.stop();
      await lifecycle(db.mixin.stopped);
    },
  };
}

/** One of the two outboxes that are compared. */
export interface Side {
  readonly pool: pg.Pool;
  readonly relay: TimedRelay;
  /** Commits events for the relay to find. */
  write(): Promise<unknown>;
}

const emptied = (pool: pg.Pool): Promise<void> =>
  eventually(
    async () => {
      if ((await pool.query("select from outbox limit 1")).rowCount !== 0) throw new Error("events wait");
    },
    { timeoutMs: 60_000 },
  );

async function round({ pool, relay, write }: Side): Promise<void> {
  await write();
  relay.relay.nudge();
  await emptied(pool);
}

/** The buffers that a claim and its read touch with rows in the partitions; nothing of it stays. */
async function buffersOf({ pool, relay }: Side, events: readonly UserEvent[]): Promise<number> {
  const client = await pool.connect();
  const explain = async (statement: Statement): Promise<number> => {
    const { sql, parameters } = compile(statement);
    const { rows } = await client.query(`explain (analyze, buffers, format json) ${sql}`, [...parameters]);
    const { Plan } = rows[0]["QUERY PLAN"][0];
    return Plan["Shared Hit Blocks"] + Plan["Shared Read Blocks"];
  };
  try {
    await client.query("begin");
    await client.query(appendEvents, outboxColumns(events));
    const [claim, read] = claimStatements(relay.marks(), [], partitionLockClass + 1);
    return (await explain(claim)) + (await explain(read));
  } finally {
    await client.query("rollback");
    client.release();
  }
}

export interface Cost {
  readonly claimMs: number;
  readonly referenceMs: number;
  readonly claims: number;
  readonly buffers: number;
}

/** Medians over many rounds on both sides in turn; nothing else may be written meanwhile. */
export async function claimCost(side: Side, twin: Side, events: () => readonly UserEvent[]): Promise<Cost> {
  await emptied(side.pool);
  for (let count = 0; count < warmUpRounds; count += 1) for (const each of [side, twin]) await round(each);
  for (const { relay } of [side, twin]) relay.claims.length = 0;
  const buffers: number[] = [];
  for (let count = 0; count < roundsMax; count += 1) {
    for (const each of [side, twin]) await round(each);
    if (count % 10 === 0) buffers.push(await buffersOf(side, events()));
  }
  return {
    claimMs: median(side.relay.claims),
    referenceMs: median(twin.relay.claims),
    claims: side.relay.claims.length,
    buffers: median(buffers),
  };
}
