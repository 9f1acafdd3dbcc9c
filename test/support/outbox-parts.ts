/** A migrated users database with a table of versioned aggregates, writers in front of it and relays behind it. */
import { randomUUID } from "node:crypto";
import type pg from "pg";
import { OutboxMessage, partitionOf } from "../../mixins/bus/outbox-row.ts";
import type { Bus } from "../../mixins/bus/port.ts";
import { processMetrics } from "../../mixins/metrics/metrics.ts";
import { batchesMax, Relay } from "../../services/outbox/relay.ts";
import { testLogger } from "./logs.ts";
import { ownDatabase } from "./own-database.ts";
import type { Resource } from "./resources.ts";

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

export type OutboxParts = Awaited<ReturnType<typeof outboxParts>>;

const applicationName = "outbox-parts-relay";

/** The user and version that a message carries. */
export const writtenOf = (message: { body: string }): Written => JSON.parse(message.body) as Written;

export async function outboxParts(resource?: Resource) {
  const own = await ownDatabase("users", resource);
  const { pool } = own;
  await pool.query("create table versions (user_id uuid primary key, version int not null)");
  const relays: Relay[] = [];
  // As the service opens it: a batch ahead needs a connection of its own.
  const openDatabase = () => own.open([OutboxMessage], { applicationName, poolMax: batchesMax + 1 });

  return {
    pool,
    openDatabase,
    /** As users does: the aggregate first, then its event. */
    async write(userId: string, options: WriteOptions = {}): Promise<Written> {
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
    /** `lines` are those of its log, parsed. */
    async startRelay(bus: Bus, monotonicMs?: () => number) {
      const db = await openDatabase();
      const metrics = processMetrics();
      const lines: Record<string, unknown>[] = [];
      const log = testLogger({ lines });
      const relay = new Relay({ db, bus, metrics, log, monotonicMs });
      relay.start();
      relays.push(relay);
      return { relay, metrics, lines, stop: () => relay.stop() };
    },
    /** Cuts the connections of every relay of this database; resolves with their number. */
    async cutRelays() {
      const { rowCount } = await pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name = $1`,
        [applicationName],
      );
      return rowCount ?? 0;
    },
    async close() {
      for (const relay of relays) await relay.stop();
      await own.close();
    },
  };
}
