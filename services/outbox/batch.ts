/** One transaction of the relay: claim → read → publish → move what was confirmed out of the outbox. */
import type { Bus } from "../../mixins/bus/port.ts";
import type { EntityManager } from "../../mixins/database.ts";
import { outboxPartitions } from "../../mixins/outbox.ts";
import { type OutboxRow, type Published, publishInOrder, type Stopping } from "./publish.ts";
import * as sql from "./sql.ts";
import type { Observation, Watermarks } from "./watermark.ts";

const partitionsMax = 16;
const rowsMax = 500;
/** Twice the equal share, so that a skewed load still fills a batch. */
const shareFactor = 2;
const pendingPerPartitionMax = 200;

const allPartitions = Array.from({ length: outboxPartitions }, (_, index) => index);
const everyPartition = sql.arrayLiteral(allPartitions);

export interface Batch {
  readonly published: Published;
  /** What the watermarks may know once the batch is committed; undefined when it took no snapshot. */
  readonly observation: Observation | undefined;
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

/** Before the claim, so that what the claim finds empty was empty after the snapshot. */
async function takeSnapshot(
  em: EntityManager,
): Promise<Pick<Observation, "lastId" | "snapshot"> | undefined> {
  const [last] = await query<{ lastId: string }>(em, sql.readLastId, []);
  const [row] = await query<{ xmin: string; xmax: string }>(em, sql.readSnapshot, []);
  if (last === undefined || row === undefined) return undefined;
  return { lastId: BigInt(last.lastId), snapshot: { xmin: BigInt(row.xmin), xmax: BigInt(row.xmax) } };
}

/** Runs in a transaction of its own. */
export async function runBatch(em: EntityManager, resources: Resources): Promise<Batch> {
  const { bus, watermarks, held, stopping } = resources;
  const snapshot = watermarks.wantsSnapshot() ? await takeSnapshot(em) : undefined;
  const safe = watermarks.safe(snapshot !== undefined);
  const heldUsers = sql.arrayLiteral(held.keys());
  const loaded = await query<{ partition: number; ours: boolean }>(em, sql.claimPartitions, [
    everyPartition,
    sql.arrayLiteral(safe),
    heldUsers,
    sql.partitionLockClass,
    partitionsMax,
  ]);
  const partitions = loaded.filter(({ ours }) => ours).map(({ partition }) => partition);
  const rowsPerPartition = Math.ceil(rowsMax / Math.max(1, partitions.length)) * shareFactor;
  const rows =
    partitions.length === 0
      ? []
      : await query<OutboxRow>(em, sql.readBatch, [
          sql.arrayLiteral(partitions),
          sql.arrayLiteral(partitions.map((partition) => safe[partition] ?? 0n)),
          heldUsers,
          rowsPerPartition,
          rowsMax,
        ]);
  const published = await publishInOrder(bus, rows, stopping);
  const { confirmed, refused } = published;
  if (confirmed.length > 0)
    await em.execute(sql.moveConfirmed, [sql.arrayLiteral(confirmed.map(({ id }) => id))]);
  if (refused.length > 0)
    await em.execute(sql.countRefusals, [
      JSON.stringify(refused.map(({ row, reason }) => ({ id: row.id, reason }))),
    ]);

  const cut = cutPartitions(rows, partitions, rowsPerPartition);
  const theirs = loaded.filter(({ ours }) => !ours).map(({ partition }) => partition);
  const kept = new Set([...held.values(), ...theirs, ...cut, ...unconfirmed(rows, confirmed)]);
  return {
    published,
    // Drained are the partitions of which nothing was left behind: not to another relay, not by the limits, not by a
    // refusal, not for a user held back.
    observation: snapshot && {
      ...snapshot,
      marks: safe,
      drained: allPartitions.filter((partition) => !kept.has(partition)),
    },
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
