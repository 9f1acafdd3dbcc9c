/**
 * Promise: the low watermark of a partition never passes a row that can still appear, and so spares every claim the
 * walk over the dead rows below it. (With vacuum held back, claims slowed from 0.67 to 22 ms after 300,000 rows
 * without it.)
 *
 * A row's id is handed out before its transaction commits, so "everything below id X has been published" says nothing
 * of what a slow transaction may still commit there. Therefore in two steps: a candidate is the highest id handed
 * out, noted together with the `xmax` of a snapshot taken after it; every transaction that holds an id up to it is
 * below that xmax, because writers touch the aggregate first (mixins/outbox.ts) and thereby have their number. Once
 * a later snapshot's `xmin` has reached it, all of them are over; if a look that follows that snapshot found the
 * partition empty, or drained it and was committed, nothing at or below the candidate is left and the mark moves there.
 * Moving it before the look would skip what became visible in between.
 *
 * Every look sees every partition, also those that have nothing or that no batch would take: a mark that only moved
 * with a batch of its own partition was too old to spare anything (with 12,000 dead rows a claim walked over 1,700
 * pages of them).
 *
 * Every `deepLookMs` a partition is looked at from the bottom all the same, one partition after the other: a row that
 * came below the mark against the rule is late then and not lost. A sequence that was set back takes its marks along.
 */
import { outboxPartitions } from "../../mixins/outbox.ts";

const deepLookMs = 60_000;
/** One snapshot for many batches; what a mark lags behind, every claim walks over while vacuum is held back. */
const snapshotIntervalMs = 250;

export interface Snapshot {
  readonly xmin: bigint;
  readonly xmax: bigint;
}

/** What one committed batch learned. */
export interface Observation {
  /** Read before the snapshot. */
  readonly lastId: bigint;
  readonly snapshot: Snapshot;
  /** The marks above which it looked, after the snapshot. */
  readonly marks: readonly bigint[];
  /** Partitions in which nothing is left above them. */
  readonly drained: readonly number[];
}

interface Mark {
  safe: bigint;
  lookedDeepAt: number;
  candidate: { readonly id: bigint; readonly xmax: bigint } | undefined;
}

export function createWatermarks(monotonicMs: () => number) {
  const marks = Array.from(
    { length: outboxPartitions },
    (): Mark => ({ safe: 0n, lookedDeepAt: Number.NEGATIVE_INFINITY, candidate: undefined }),
  );
  let snapshotAt = Number.NEGATIVE_INFINITY;

  const advance = (mark: Mark, { lastId, snapshot }: Observation): void => {
    const { candidate } = mark;
    if (candidate !== undefined && snapshot.xmin < candidate.xmax) return;
    if (candidate !== undefined && candidate.id > mark.safe) mark.safe = candidate.id;
    mark.candidate = { id: lastId, xmax: snapshot.xmax };
  };

  return {
    /**
     * Every partition's mark, in the order of the partitions: rows with a greater id may exist. `deep`: 0 for those whose
     * look from the bottom is due; only for a batch that will be observed, so that each pays for one in a term.
     */
    safe(deep = false): readonly bigint[] {
      const before = monotonicMs() - deepLookMs;
      return marks.map((mark) => (deep && mark.lookedDeepAt <= before ? 0n : mark.safe));
    },
    /** Whether the next batch should take a snapshot. */
    wantsSnapshot: (): boolean => monotonicMs() - snapshotAt >= snapshotIntervalMs,
    /** Only after the batch's transaction has committed. */
    observe(observation: Observation): void {
      snapshotAt = monotonicMs();
      for (const mark of marks)
        if (mark.safe > observation.lastId || (mark.candidate?.id ?? 0n) > observation.lastId)
          Object.assign(mark, { safe: 0n, candidate: undefined });
      for (const partition of observation.drained) {
        const mark = marks[partition];
        if (mark === undefined) continue;
        if (observation.marks[partition] === 0n && mark.lookedDeepAt <= snapshotAt - deepLookMs) {
          // After the first they are spread over the term.
          const isFirst = mark.lookedDeepAt === Number.NEGATIVE_INFINITY;
          mark.lookedDeepAt = snapshotAt - (isFirst ? (deepLookMs * partition) / outboxPartitions : 0);
        }
        advance(mark, observation);
      }
    },
  };
}

export type Watermarks = ReturnType<typeof createWatermarks>;
