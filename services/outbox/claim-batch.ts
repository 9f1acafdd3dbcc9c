/** One transaction of the relay: claim → read → publish → move what was confirmed out of the outbox. */

import type { Bus } from "../../mixins/bus/port.ts";
import type { EntityManager } from "../../mixins/postgres/database.ts";
import { ReadOnlyDatabase } from "../../mixins/postgres/database-faults.ts";
import { run, runInTurn } from "../../mixins/postgres/statement.ts";
import { cutPartitions, emptiedUpTo } from "./emptied.ts";
import { type OutboxRow, type Published, publishInOrder, type Stopping } from "./publish.ts";
import * as sql from "./sql.ts";
import type { Observation, Snapshot, Watermarks } from "./watermark.ts";

const partitionsMax = 16;
const rowsMax = 500;
/** Twice the equal share, so that a skewed load still fills a batch. */
const rowsPerPartition = 2 * Math.ceil(rowsMax / partitionsMax);
const pendingPerPartitionMax = 200;

export interface Batch {
  readonly published: Published;
  /** What the watermarks may know once the batch is committed. */
  readonly observation: Observation;
  /** There may be more to publish right now. */
  readonly more: boolean;
}

interface Resources {
  readonly bus: Bus;
  readonly watermarks: Watermarks;
  /** Users that must wait, each with its partition. */
  readonly held: ReadonlyMap<string, number>;
  readonly stopping: Stopping;
  /** A batch was published and not moved out, so the database has to show first that it would let the next one go. */
  readonly rehearses: boolean;
}

interface Found {
  readonly timeline: string | null;
  readonly snapshot: Snapshot | undefined;
  readonly loaded: readonly {
    readonly partition: number;
    readonly ours: boolean;
    readonly readOnly: boolean;
  }[];
  readonly rows: readonly OutboxRow[];
}

/** Claim and read, sent together. */
export function claimStatements(
  marks: readonly bigint[],
  users: Iterable<string>,
  lockClass = sql.partitionLockClass,
) {
  const held = [...users];
  return [
    sql.claimPartitions({ marks, held, partitionsMax, lockClass }),
    sql.readBatch({ marks, held, rowsPerPartition, rowsMax }),
  ] as const;
}

async function claim(
  em: EntityManager,
  marks: readonly bigint[],
  { watermarks, held }: Resources,
): Promise<Found> {
  const claims = claimStatements(marks, held.keys());
  if (!watermarks.wantsSnapshot()) {
    const [[here], loaded, rows] = await runInTurn(em, [sql.readTimeline, ...claims]);
    return { timeline: here?.timeline ?? null, snapshot: undefined, loaded, rows };
  }
  // Before the claim, so that what the claim finds empty was empty after the snapshot.
  const statements = [sql.readTimeline, sql.readLastId, sql.readSnapshot, ...claims] as const;
  const [[here], [last], [row], loaded, rows] = await runInTurn(em, statements);
  return { timeline: here?.timeline ?? null, snapshot: snapshotOf(last, row), loaded, rows };
}

function snapshotOf(
  last: { lastId: string } | undefined,
  row: { xmin: string; nextXid: string } | undefined,
): Snapshot | undefined {
  if (last === undefined || row === undefined) return undefined;
  return { lastId: BigInt(last.lastId), xmin: BigInt(row.xmin), nextXid: BigInt(row.nextXid) };
}

/** Rejects as the real thing would, on a full disk for example, and leaves nothing behind. */
async function rehearse(em: EntityManager, rows: readonly OutboxRow[]): Promise<void> {
  await runInTurn(em, [sql.savepoint, sql.moveConfirmed(rows.map(({ id }) => id)), sql.rollbackToSavepoint]);
}

/**
 * Runs in a transaction of its own. What can't be moved out afterwards is not published, as far as that can be known.
 * undefined: the marks were of another timeline, so nothing was published; they begin anew.
 */
export async function runBatch(em: EntityManager, resources: Resources): Promise<Batch | undefined> {
  const { bus, watermarks, held, stopping } = resources;
  const marks = watermarks.marksOfLook();
  const { timeline, snapshot, loaded, rows } = await claim(em, marks, resources);
  if (loaded.some(({ readOnly }) => readOnly))
    throw new ReadOnlyDatabase("Cannot publish from the outbox: its database is read-only");
  if (timeline !== null && !watermarks.belongTo(timeline)) return undefined;
  const partitions = loaded.filter(({ ours }) => ours).map(({ partition }) => partition);
  if (resources.rehearses && rows.length > 0) await rehearse(em, rows);
  const published = await publishInOrder(bus, rows, stopping);
  const { confirmed, refused } = published;
  if (confirmed.length > 0) await run(em, sql.moveConfirmed(confirmed.map(({ id }) => id)));
  if (refused.length > 0)
    await run(em, sql.countRefusals(refused.map(({ row, reason }) => ({ id: row.id, reason }))));

  const passedOver = new Set(held.values());
  const look = { loaded, passedOver, rows, confirmed, rowsPerPartition, rowsMax };
  return {
    published,
    observation: { snapshot, marks, emptiedUpTo: emptiedUpTo(look), deleted: confirmed.length },
    more:
      partitions.length === partitionsMax ||
      cutPartitions(look).size > 0 ||
      confirmed.length + refused.length < rows.length,
  };
}

/** Of what is above the marks. One statement without a transaction. */
export async function pendingBehind(em: EntityManager, marks: readonly bigint[]): Promise<sql.Pending> {
  const [row] = await run(em, sql.measurePending(marks, pendingPerPartitionMax));
  return row ?? { pending: 0, oldestAgeS: 0, timeline: null };
}
