/** A migrated users database with a table of versioned aggregates, writers in front of it and relays behind it. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import { OutboxMessage, partitionOf } from "../../mixins/bus/outbox.ts";
import type { Bus } from "../../mixins/bus/port.ts";
import { createMetrics, type Metrics } from "../../mixins/metrics/metrics.ts";
import { type Database, database } from "../../mixins/postgres/database.ts";
import { Relay } from "../../services/outbox/relay.ts";
import { migrate } from "../../services/runtime/migrations.ts";
import { testLogger } from "./logs.ts";
import { type Resource, testDatabase } from "./resources.ts";

export interface Written {
  readonly userId: string;
  readonly version: number;
}

export interface WriteOptions {
  readonly rollBack?: boolean;
  /** Of the outbox row, instead of the next. */
  readonly id?: number;
  /** Runs inside the transaction, after the outbox row. */
  readonly before?: (client: pg.PoolClient) => Promise<void>;
}

export interface OutboxRig {
  readonly pool: pg.Pool;
  /** As users does: the aggregate first, then its event. */
  write(userId: string, options?: WriteOptions): Promise<Written>;
  rowsLeft(): Promise<number>;
  openDatabase(): Promise<Database>;
  startRelay(
    bus: Bus,
    monotonicMs?: () => number,
  ): Promise<{
    relay: Relay;
    metrics: Metrics;
    /** Log lines, parsed. */
    lines: Record<string, unknown>[];
    stop(): Promise<void>;
  }>;
  /** Cuts the connections of every relay of this database; resolves with their number. */
  cutRelays(): Promise<number>;
  close(): Promise<void>;
}

const applicationName = "outbox-rig-relay";
const lifecycle = (hook: unknown): Promise<void> => (hook as () => Promise<void>)();

/** The user and version that a message carries. */
export const writtenOf = (message: { body: string }): Written => JSON.parse(message.body) as Written;

export async function outboxRig(resource?: Resource): Promise<OutboxRig> {
  const own = resource ?? (await testDatabase());
  await migrate("users", own.url);
  const pool = new pg.Pool({ connectionString: own.url, max: 16 });
  pool.on("error", () => {}); // a server that a test has stopped
  await pool.query("create table versions (user_id uuid primary key, version int not null)");
  const closing: (() => Promise<void>)[] = [];

  async function openDatabase(): Promise<Database> {
    const db = database({
      url: own.url,
      entities: [OutboxMessage as never],
      applicationName,
      poolMax: 2,
      statementTimeoutMs: 10_000,
    });
    await lifecycle(db.mixin.started);
    closing.unshift(() => lifecycle(db.mixin.stopped));
    return db;
  }

  return {
    pool,
    openDatabase,
    async write(userId, options = {}) {
      const client = await pool.connect();
      try {
        await client.query("begin");
        const { rows } = await client.query<{ version: number }>(
          `insert into versions values ($1, 1) on conflict (user_id) do update set version = versions.version + 1
           returning version`,
          [userId],
        );
        const written = { userId, version: rows[0]?.version ?? 0 };
        await client.query(
          `insert into outbox (id, partition, aggregate_id, event_id, type, correlation_id, body)
           overriding system value
           values (coalesce($5, nextval('outbox_id_seq')), $1, $2, $3, 'user.updated.v1', 'test', $4)`,
          [partitionOf(userId), userId, randomUUID(), JSON.stringify(written), options.id ?? null],
        );
        await options.before?.(client);
        await client.query(options.rollBack === true ? "rollback" : "commit");
        return written;
      } finally {
        client.release();
      }
    },
    async rowsLeft() {
      const { rows } = await pool.query<{ count: number }>("select count(*)::int as count from outbox");
      return rows[0]?.count ?? 0;
    },
    async startRelay(bus, monotonicMs) {
      const db = await openDatabase();
      const metrics = createMetrics();
      const lines: Record<string, unknown>[] = [];
      const log = testLogger({ lines });
      const relay = new Relay({ db, bus, metrics, log, monotonicMs });
      relay.start();
      const stop = (): Promise<void> => relay.stop();
      closing.unshift(stop);
      return { relay, metrics, lines, stop };
    },
    async cutRelays() {
      const { rowCount } = await pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name = $1`,
        [applicationName],
      );
      return rowCount ?? 0;
    },
    async close() {
      for (const close of closing) await close();
      await pool.end();
      await own.drop();
    },
  };
}
