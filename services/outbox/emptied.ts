/** Up to which id a look left nothing behind in each partition: what lets the low watermarks move. Pure. */
import { outboxPartitions } from "../../mixins/bus/outbox-row.ts";
import type { OutboxRow } from "./publish.ts";

/** Nothing at all was left. */
export const everything = 2n ** 63n - 1n;

/** What a batch saw and did; its rows in the order of their ids, each partition's from its lowest on. */
export interface Look {
  /** Partitions that had something, and whether this relay took them. */
  readonly loaded: readonly { readonly partition: number; readonly ours: boolean }[];
  /** Partitions of which rows were passed over: of users that are held back. */
  readonly passedOver: ReadonlySet<number>;
  readonly rows: readonly OutboxRow[];
  readonly confirmed: readonly OutboxRow[];
  readonly rowsPerPartition: number;
  readonly rowsMax: number;
}

/** Partitions that may hold more rows than a limit let through. */
export function cutPartitions({ loaded, rows, rowsPerPartition, rowsMax }: Look): ReadonlySet<number> {
  const read = Map.groupBy(rows, (row) => row.partition);
  const cut = loaded.filter(
    ({ partition, ours }) =>
      ours && (rows.length >= rowsMax || (read.get(partition)?.length ?? 0) >= rowsPerPartition),
  );
  return new Set(cut.map(({ partition }) => partition));
}

/** Partitions of which nothing is known (another relay has them, rows were passed over) are left out. */
export function emptiedUpTo(look: Look): ReadonlyMap<number, bigint> {
  const { loaded, passedOver, rows, confirmed } = look;
  const upTo = new Map<number, bigint>();
  for (let partition = 0; partition < outboxPartitions; partition += 1) upTo.set(partition, everything);
  for (const { partition, ours } of loaded) if (!ours) upTo.delete(partition);
  for (const partition of passedOver) upTo.delete(partition);

  const cut = cutPartitions(look);
  const done = new Set(confirmed.map(({ id }) => id));
  for (const partition of cut) if (upTo.has(partition)) upTo.set(partition, 0n);
  const stopped = new Set<number>();
  for (const { id, partition } of rows) {
    if (!upTo.has(partition) || stopped.has(partition)) continue;
    if (done.has(id)) {
      if (cut.has(partition)) upTo.set(partition, BigInt(id));
    } else {
      stopped.add(partition);
      upTo.set(partition, BigInt(id) - 1n);
    }
  }
  return upTo;
}
