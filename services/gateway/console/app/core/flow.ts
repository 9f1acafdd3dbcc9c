/**
 * The way of an event through the system, a number at each place, as a status tells it.
 *
 * Promise: what could not be asked is "–", never 0, and no less a trouble than what is down; a place is in trouble by the
 * thresholds of the alerts.
 */
import type { Status } from "../../../../contracts/status.ts";
import { spanText } from "./times.ts";

export interface Place {
  readonly name: string;
  readonly figure: string;
  readonly unit: string;
  readonly notes: readonly string[];
  readonly trouble?: string;
}

/** As docs/runbook.md has it: an event that waits longer than this is late. */
const outboxAgeSMax = 60;

/** Of one place there may be several: a service that is down and letters that wait for it. */
function trouble(...texts: readonly (string | undefined)[]): { trouble?: string } {
  const told = texts.filter((text) => text !== undefined);
  return told.length === 0 ? {} : { trouble: told.join("; ") };
}

function serviceOf({ checks }: Status, name: string): string | undefined {
  const check = checks[name];
  return check?.status === "down"
    ? `${name} is down${check.detail === undefined ? "" : `: ${check.detail}`}`
    : undefined;
}

function usersPlace(status: Status): Place {
  const { circuit, users } = status;
  return {
    name: "users",
    figure: users === null ? "–" : String(users.active),
    unit: "living",
    notes: [`circuit ${circuit ?? "–"}`],
    ...trouble(
      circuit === "open" ? "writes are refused: smtp-registry does not answer" : undefined,
      serviceOf(status, "users"),
    ),
  };
}

function outboxPlace(status: Status): Place {
  const { outbox } = status;
  if (outbox === null)
    return {
      name: "outbox",
      figure: "–",
      unit: "waiting",
      notes: ["oldest –"],
      ...trouble(serviceOf(status, "outbox")),
    };
  const { pending, oldestAgeS } = outbox;
  const isLate = oldestAgeS > outboxAgeSMax;
  return {
    name: "outbox",
    figure: String(pending),
    unit: "waiting",
    notes: [`oldest ${pending === 0 ? "none" : spanText(oldestAgeS)}, late over ${outboxAgeSMax} s`],
    ...trouble(
      isLate ? `the oldest waits for ${spanText(oldestAgeS)}` : undefined,
      serviceOf(status, "outbox"),
    ),
  };
}

/** The service whose queue it is: `audit.user-events`. */
const consumerOf = (queue: string): string => queue.split(".")[0] ?? queue;

function queuePlaces(status: Status): Place[] {
  const causes = status.deadLetters?.causes ?? [];
  const queues =
    status.queues ??
    [...new Set(causes.map(({ queue }) => queue))].map((queue) => ({ queue, messages: undefined }));
  if (queues.length === 0)
    return [{ name: "bus", figure: "–", unit: "waiting", notes: ["no queue could be asked"] }];
  return queues.map(({ queue, messages }) => {
    const own = causes.filter((cause) => cause.queue === queue);
    const letters = own.reduce((sum, cause) => sum + cause.letters, 0);
    const dead =
      status.deadLetters === null
        ? "dead letters –"
        : `${letters} dead letters${own.length === 0 ? "" : ` of ${own.length} ${own.length === 1 ? "cause" : "causes"}`}`;
    return {
      name: queue,
      figure: messages === undefined ? "–" : String(messages),
      unit: "waiting",
      notes: [dead],
      ...trouble(letters > 0 ? `${letters} given up` : undefined, serviceOf(status, consumerOf(queue))),
    };
  });
}

export const placesOf = (status: Status): Place[] => [
  usersPlace(status),
  outboxPlace(status),
  ...queuePlaces(status),
];

/** Those that could not be asked, in a line. */
function unseenText({ unseen }: Status): string | undefined {
  if (unseen.length === 0) return undefined;
  return `${unseen.map(({ service }) => service).join(", ")}: can't be asked`;
}

/** All that is wrong, in words; each once. */
export function troublesOf(status: Status): string[] {
  const places = placesOf(status).flatMap(({ name, trouble: text }) =>
    text === undefined ? [] : [`${name}: ${text}`],
  );
  const told = new Set(placesOf(status).map(({ name }) => consumerOf(name)));
  const others = Object.keys(status.checks).flatMap((name) =>
    told.has(name) ? [] : (serviceOf(status, name) ?? []),
  );
  const differ = Object.values(status.reconciliation?.violations ?? {}).reduce(
    (sum, count) => sum + count,
    0,
  );
  const unseen = unseenText(status);
  return [
    ...places,
    ...others,
    ...(unseen === undefined ? [] : [unseen]),
    ...(differ > 0 ? [`consistency: ${differ} violations`] : []),
  ];
}

/** How often to look at a system where something happens, and at one where nothing has for a while. */
const lookMs = { lively: 2_000, calm: 5_000 } as const;
const calmAfterLooks = 10;
/**
 * In how many ms to look at the system again: often, until nothing has changed for twenty seconds and nothing is wrong.
 * What fifty open pages ask is most of what they cost, and most of them are open where nothing happens.
 */
export const systemRhythm = (status: Status | undefined, sames: number): number =>
  status === undefined || sames < calmAfterLooks || troublesOf(status).length > 0
    ? lookMs.lively
    : lookMs.calm;

export const samplesMs = 600_000;
/** What waits at each place, at a time of this device's clock. */
export interface Sample {
  readonly atMs: number;
  readonly waiting: Readonly<Record<string, number | undefined>>;
}

export function sampleOf({ outbox, queues }: Status, atMs: number): Sample {
  const atQueues = (queues ?? []).map(({ queue, messages }) => [queue, messages] as const);
  return { atMs, waiting: Object.fromEntries([["outbox", outbox?.pending] as const, ...atQueues]) };
}

/** Points of a line, 100 wide and 28 high, over the ten minutes that end with the last sample; none of fewer than two. */
export function sparkOf(samples: readonly Sample[], place: string): string {
  const endMs = samples.at(-1)?.atMs ?? 0;
  const known = samples.flatMap(({ atMs, waiting }) => {
    const value = waiting[place];
    return value === undefined ? [] : [{ atMs, value }];
  });
  if (known.length < 2) return "";
  const top = Math.max(1, ...known.map(({ value }) => value));
  const x = (atMs: number): string => (100 - ((endMs - atMs) / samplesMs) * 100).toFixed(2);
  return known.map(({ atMs, value }) => `${x(atMs)},${26 - (value / top) * 24}`).join(" ");
}
