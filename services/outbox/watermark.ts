/**
 * Promise: the low watermark of a partition never passes a row that can still appear, and so spares every claim the
 * walk over the dead rows below it. (With vacuum held back, claims slowed from 0.67 to 22 ms after 300,000 rows
 * without it.)
 *
 * A row's id is handed out before its transaction commits, so "everything below id X has been published" says nothing
 * of what a slow transaction may still commit there. Therefore in two steps. First, for all partitions: a candidate is
 * the highest id handed out, noted together with the transaction number that was next after it; every transaction that
 * holds an id up to it has a lower one, because writers touch the aggregate first (mixins/bus/outbox-row.ts) and thereby have
 * their number. Once a snapshot's `xmin` has reached that, all of them are over: the candidate is settled. Then, for
 * each partition: when a look that follows that snapshot, and was committed, left nothing up to some id, the mark moves
 * there, but not beyond what is settled. Moving it before the look would skip what became visible in between.
 *
 * Every look tells of every partition, also of those that have nothing, and of those that it emptied only in part: a
 * mark that moved only when a batch of its own partition had emptied it stood still under a backlog, and after 12,000
 * dead rows a claim walked over 1,700 pages of them.
 *
 * Every `deepLookMs` a partition is looked at from the bottom all the same, one partition after the other, also when
 * there is nothing to do: a row that came below the mark against the rule is late then and not lost. A sequence that
 * was set back takes the marks along, and so does another timeline of the database (mixins/postgres/timeline.ts): ids
 * that a failover has lost are handed out again, and the sequence may have passed a mark before anybody looks.
 */
import { outboxPartitions } from "../../mixins/bus/outbox-row.ts";

const deepLookMs = 60_000;
/** One snapshot for many batches, but what a mark lags behind, every claim walks over while vacuum is held back. */
const snapshotIntervalMs = 250;
const snapshotEvents = 200;

/** `lastId`, the highest id handed out, was read before the others. */
export interface Snapshot {
  readonly lastId: bigint;
  /** Every transaction with a lower number is over. */
  readonly xmin: bigint;
  /** No transaction has had this number yet. */
  readonly nextXid: bigint;
}

/** What one committed batch learned. */
export interface Observation {
  /** Taken before the look. */
  readonly snapshot: Snapshot | undefined;
  /** The marks above which it looked. */
  readonly marks: readonly bigint[];
  /** By partition: no row is left from its mark up to this id. */
  readonly emptiedUpTo: ReadonlyMap<number, bigint>;
  /** How many rows it deleted. */
  readonly deleted: number;
}

interface Mark {
  safe: bigint;
  lookedDeepAt: number;
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

export function lowWatermarks(monotonicMs: () => number) {
  const marks = Array.from(
    { length: outboxPartitions },
    (): Mark => ({ safe: 0n, lookedDeepAt: Number.NEGATIVE_INFINITY }),
  );
  let snapshotAt = Number.NEGATIVE_INFINITY;
  let deletedSince = 0;
  let settled = 0n;
  let candidate: { readonly id: bigint; readonly nextXid: bigint } | undefined;
  let timeline: string | undefined;

  const forget = (): void => {
    settled = 0n;
    candidate = undefined;
    for (const mark of marks) mark.safe = 0n;
  };

  const settle = ({ lastId, xmin, nextXid }: Snapshot): void => {
    snapshotAt = monotonicMs();
    deletedSince = 0;
    if (lastId < settled || lastId < (candidate?.id ?? 0n)) forget();
    if (candidate !== undefined && xmin < candidate.nextXid) return;
    settled = candidate?.id ?? settled;
    candidate = { id: lastId, nextXid };
  };

  /** After the first they are spread over the term. */
  const lookedDeep = (mark: Mark, partition: number): void => {
    const isFirst = mark.lookedDeepAt === Number.NEGATIVE_INFINITY;
    mark.lookedDeepAt = monotonicMs() - (isFirst ? (deepLookMs * partition) / outboxPartitions : 0);
  };

  const isDue = (mark: Mark): boolean => mark.lookedDeepAt <= monotonicMs() - deepLookMs;

  return {
    /** Every partition's mark, in the order of the partitions: rows with a greater id may exist. */
    safe: (): readonly bigint[] => marks.map((mark) => mark.safe),
    /** The same for a look that is told of: 0 for those whose look from the bottom is due. */
    marksOfLook: (): readonly bigint[] => marks.map((mark) => (isDue(mark) ? 0n : mark.safe)),
    /** Whether the next batch should take a snapshot. */
    wantsSnapshot: (): boolean =>
      deletedSince >= snapshotEvents || monotonicMs() - snapshotAt >= snapshotIntervalMs,
    /** Above these marks there is no row in any partition. */
    foundNothing(looked: readonly bigint[]): void {
      for (const [partition, mark] of marks.entries())
        if (looked[partition] === 0n && isDue(mark)) lookedDeep(mark, partition);
    },
    /** Whether the marks are of the timeline on which the look was; if not they begin anew, and so must the look. */
    belongTo(now: string): boolean {
      const isOther = timeline !== undefined && timeline !== now;
      timeline = now;
      if (isOther) forget();
      return !isOther;
    },
    /** Only after the batch's transaction has committed. */
    observe(observation: Observation): void {
      if (observation.snapshot !== undefined) settle(observation.snapshot);
      deletedSince += observation.deleted;
      for (const [partition, upTo] of observation.emptiedUpTo) {
        const mark = marks[partition];
        if (mark === undefined) continue;
        const reached = least(settled, upTo);
        if (observation.marks[partition] === 0n && isDue(mark) && upTo >= mark.safe)
          lookedDeep(mark, partition);
        if (reached > mark.safe) mark.safe = reached;
      }
    },
  };
}

export type Watermarks = ReturnType<typeof lowWatermarks>;
