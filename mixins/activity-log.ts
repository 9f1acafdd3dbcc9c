/**
 * Promise: what is noted here is on record with the service `access` within a second, or as soon as that can be reached;
 * memory for it is bounded, and what finds no room is counted. What is written here is on record when the promise
 * resolves. An entry that is handed on twice is one.
 */
import type { ServiceBroker } from "moleculer";
import { v7 as uuidV7 } from "uuid";
import { type ActivityEntry, activitiesMax } from "../services/contracts/activity.ts";
import { Unavailable } from "../services/contracts/errors.ts";
import { coalescer } from "./coalescing.ts";
import { newCorrelationId } from "./context/correlation.ts";
import { errorText } from "./log/error-text.ts";
import type { Logger } from "./log/logging.ts";
import type { Metrics } from "./metrics/metrics.ts";
import { callAction } from "./moleculer/calls.ts";

const noteAfterMs = 500;
const againAfterMs = 1_000;
const callTimeoutMs = 1_000;
const notedMax = 2_000;
/** Kinds of refusals that are told apart in one minute. */
const kindsMax = 10_000;
const minuteMs = 60_000;

export type Activity = Pick<ActivityEntry, "principal" | "action" | "allowed" | "correlationId"> &
  Partial<Pick<ActivityEntry, "credential" | "scope" | "target" | "reason">>;

export interface ActivityLog {
  /** Later, whatever becomes of it. Never throws. */
  note(activity: Activity): void;
  /** The same, once a minute for each kind. */
  noteOnce(kind: string, activity: Activity): void;
  /** Rejects with Unavailable. */
  write(activity: Activity): Promise<void>;
  start(broker: ServiceBroker): void;
  /** Hands on what is noted, if it can. Never rejects. */
  flush(): Promise<void>;
}

interface Options {
  readonly log: Logger;
  readonly metrics?: Pick<Metrics, "activityDropped"> | undefined;
  readonly now?: () => Date;
}

/** Which kinds this minute has had. */
function onceAMinute(now: () => Date): (kind: string) => boolean {
  const seen = new Set<string>();
  let minute = 0;
  return (kind) => {
    const current = Math.floor(now().getTime() / minuteMs);
    if (current !== minute) seen.clear();
    minute = current;
    if (seen.has(kind) || seen.size >= kindsMax) return false;
    seen.add(kind);
    return true;
  };
}

/** Of one process, or of its gateway. */
export function activityLog({ log, metrics, now = () => new Date() }: Options): ActivityLog {
  const isFirst = onceAMinute(now);
  let broker: ServiceBroker | undefined;
  let noted: ActivityEntry[] = [];
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> | undefined;
  let isAway = false;

  const entryOf = (activity: Activity): ActivityEntry => ({
    credential: null,
    scope: null,
    target: null,
    reason: null,
    ...activity,
    id: uuidV7(),
    at: now().toISOString(),
  });

  const send = async (entries: readonly ActivityEntry[]): Promise<void> => {
    if (broker === undefined) throw new Unavailable("activity", "Cannot put on record: not started");
    const meta = { correlationId: newCorrelationId() };
    await callAction(broker, "access.record", { entries: [...entries] }, { timeout: callTimeoutMs, meta });
  };

  const written = coalescer(
    async (entries: readonly ActivityEntry[]) => {
      await send(entries);
      return entries.map(() => ({ value: undefined }));
    },
    { itemsMax: activitiesMax },
  );

  const handOn = async (): Promise<void> => {
    try {
      while (noted.length > 0) {
        const batch = noted.slice(0, activitiesMax);
        await send(batch);
        noted = noted.slice(batch.length);
        isAway = false;
      }
    } catch (error) {
      if (!isAway) log.warn({ reason: errorText(error) }, "what was done is put on record later");
      isAway = true;
    }
  };
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    flushing ??= handOn().finally(() => {
      flushing = undefined;
      if (noted.length > 0) later(againAfterMs);
    });
    return flushing;
  };
  const later = (ms: number): void => {
    timer ??= setTimeout(() => void flush(), ms).unref();
  };

  const note = (activity: Activity): void => {
    if (noted.length >= notedMax) {
      metrics?.activityDropped.inc();
      return;
    }
    noted.push(entryOf(activity));
    if (flushing === undefined) later(noteAfterMs);
  };

  return {
    note,
    noteOnce(kind, activity) {
      if (isFirst(kind)) note(activity);
    },
    async write(activity) {
      try {
        await written(entryOf(activity));
      } catch (cause) {
        throw new Unavailable(
          "activity",
          "Cannot answer: what is read here must be on record, and can't be",
          {
            cause,
          },
        );
      }
    },
    start(own) {
      broker = own;
    },
    flush,
  };
}
