/** One transaction of the relay: claim → read → publish → delete what was confirmed. */
import type { Bus } from "../../mixins/bus/port.ts";
import type { EntityManager } from "../../mixins/database.ts";
import { outboxPartitions } from "../../mixins/outbox.ts";
import { type OutboxRow, type Published, publishInOrder, type Stopping } from "./publish.ts";
import * as sql from "./sql.ts";
import type { Snapshot, Watermarks } from "./watermark.ts";

const partitionsMax = 16;
const rowsMax = 500;
/** Twice the equal share, so that a skewed load still fills a batch. */
const shareFactor = 2;
const pendingPerPartitionMax = 200;

const everyPartition = sql.arrayLiteral(Array.from({ length: outboxPartitions }, (_, index) => index));

export interface Batch {
  readonly published: Published;
  /** What a committed batch lets the watermarks know; undefined when it took no snapshot. */
  readonly snapshot: Snapshot | undefined;
  readonly lastId: bigint;
  /** Partitions of which nothing was left behind: not by the limits, not by a refusal, not for a user held back. */
  readonly drained: readonly number[];
  /** There may be more to publish right now. */
  readonly more: boolean;
}

interface Resources {
  readonly bus: Bus;
  readonly watermarks: Watermarks;
  /** Users that must wait, each with its partition. */
  readonly held: ReadonlyMap<string, number>;
  readonly stopping: Stopping;
}

const query = <T>(em: EntityManager, text: string, values: readonly unknown[]): Promise<T[]> =>
  em.execute<T[]>(text, [...values]);

async function takeSnapshot(em: EntityManager): Promise<Snapshot | undefined> {
  const [row] = await query<{ xmin: string; xmax: string }>(em, sql.readSnapshot, []);
  return row && { xmin: BigInt(row.xmin), xmax: BigInt(row.xmax) };
}

/** Runs in a transaction of its own; undefined when no partition was to be had. */
export async function runBatch(em: EntityManager, resources: Resources): Promise<Batch | undefined> {
  const { bus, watermarks, held, stopping } = resources;
  const safe = watermarks.safe();
  const heldUsers = sql.arrayLiteral(held.keys());
  const claimed = await query<{ partition: number; lastId: string }>(em, sql.claimPartitions, [
    everyPartition,
    sql.arrayLiteral(safe),
    heldUsers,
    sql.partitionLockClass,
    partitionsMax,
  ]);
  if (claimed.length === 0) return undefined;
  const partitions = claimed.map(({ partition }) => partition);
  const snapshot = watermarks.wantsSnapshot() ? await takeSnapshot(em) : undefined;
  const rowsPerPartition = Math.ceil(rowsMax / partitions.length) * shareFactor;
  const rows = await query<OutboxRow>(em, sql.readBatch, [
    sql.arrayLiteral(partitions),
    sql.arrayLiteral(partitions.map((partition) => safe[partition] ?? 0n)),
    heldUsers,
    rowsPerPartition,
    rowsMax,
  ]);
  const published = await publishInOrder(bus, rows, stopping);
  const { confirmed, refused } = published;
  if (confirmed.length > 0)
    await em.execute(sql.deleteConfirmed, [sql.arrayLiteral(confirmed.map(({ id }) => id))]);

  const cut = cutPartitions(rows, partitions, rowsPerPartition);
  const kept = new Set([...held.values(), ...cut, ...unconfirmed(rows, confirmed)]);
  return {
    published,
    snapshot,
    lastId: BigInt(claimed[0]?.lastId ?? 0),
    drained: partitions.filter((partition) => !kept.has(partition)),
    more:
      partitions.length === partitionsMax ||
      cut.length > 0 ||
      confirmed.length + refused.length < rows.length,
  };
}

/** Partitions that may hold more rows than a limit let through. */
function cutPartitions(
  rows: readonly OutboxRow[],
  partitions: readonly number[],
  rowsPerPartition: number,
): readonly number[] {
  if (rows.length >= rowsMax) return partitions;
  const read = Map.groupBy(rows, (row) => row.partition);
  return partitions.filter((partition) => (read.get(partition)?.length ?? 0) >= rowsPerPartition);
}

function unconfirmed(rows: readonly OutboxRow[], confirmed: readonly OutboxRow[]): number[] {
  const done = new Set(confirmed.map(({ id }) => id));
  return rows.filter(({ id }) => !done.has(id)).map(({ partition }) => partition);
}

export interface Pending {
  /** Exact up to some thousands. */
  readonly pending: number;
  readonly oldestAgeS: number;
}

/** One statement without a transaction. */
export async function measurePending(em: EntityManager, watermarks: Watermarks): Promise<Pending> {
  const marks = sql.arrayLiteral(watermarks.safe());
  const [row] = await query<Pending>(em, sql.measurePending, [everyPartition, marks, pendingPerPartitionMax]);
  return row ?? { pending: 0, oldestAgeS: 0 };
}
