/**
 * The way of a write as rungs, in the order of causes: request, transaction, outbox, each consumer beside the other,
 * addresses.
 *
 * Promise: each rung has a sign and a word; the one that the verdict names is the broken one; of two times of different
 * clocks the difference is marked as such.
 */
import type { Change } from "../../../../contracts/events.ts";
import type { ConsumerStep, OutboxStep, TracedWrite } from "../../../../contracts/trace.ts";
import { spanText } from "./times.ts";

export const signs = {
  done: "✓",
  "under way": "…",
  retrying: "↻",
  dead: "▼",
  discarded: "⊘",
  passed: "≫",
  unknown: "?",
  none: "○",
  broken: "✕",
} as const;
export type SignName = keyof typeof signs;

export interface Edge {
  readonly kind: "happened" | "gap" | "unseen";
  readonly text: string;
}

export interface Rung {
  /** As `verdict.at` names it. */
  readonly step: string;
  readonly sign: SignName;
  readonly title: string;
  readonly lines: readonly string[];
  readonly changes?: readonly Partial<Change>[];
  readonly letterId?: string;
  /** To the rung below; of a consumer: from the outbox to it. */
  readonly edge?: Edge;
  readonly isBroken: boolean;
}

export interface Ladder {
  readonly above: readonly Rung[];
  readonly consumers: readonly Rung[];
  readonly below: Rung | undefined;
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** What two clocks say is about so. */
function between(from: string | null, to: string | null, clocks: "same clock" | "two clocks"): string {
  if (from === null || to === null) return "";
  const seconds = (Date.parse(to) - Date.parse(from)) / 1_000;
  if (Number.isNaN(seconds)) return "";
  const span = seconds < 1 ? `${Math.max(0, Math.round(seconds * 1_000))} ms` : spanText(seconds);
  return `${clocks === "two clocks" ? "≈" : ""}${span} (${clocks})`;
}

const consumerSigns: Readonly<Record<ConsumerStep["state"], SignName>> = {
  processed: "done",
  superseded: "passed",
  stale: "passed",
  waiting: "under way",
  retrying: "retrying",
  dead: "dead",
  discarded: "discarded",
  unknown: "unknown",
};

const consumerTexts: Readonly<Record<ConsumerStep["state"], string>> = {
  processed: "took effect",
  superseded: "a newer version has taken effect, and with it this one",
  stale: "came after a newer one, and changed nothing",
  waiting: "not taken yet",
  retrying: "failed, and is tried again by itself",
  dead: "given up: a dead letter",
  discarded: "its dead letter was discarded",
  unknown: "can't be asked now",
};

function edgeTo(step: ConsumerStep, outbox: OutboxStep | null): Edge {
  if (step.state === "unknown") return { kind: "unseen", text: "not visible" };
  const isOver = step.state === "processed" || step.state === "superseded" || step.state === "stale";
  if (isOver) return { kind: "happened", text: between(outbox?.publishedAt ?? null, step.at, "two clocks") };
  const age = step.letter?.ageS ?? outbox?.ageS ?? null;
  const waits = step.state === "dead" ? ", waits for a person" : "";
  return { kind: "gap", text: age === null ? "" : `${spanText(age)}${waits}` };
}

function consumerRung(step: ConsumerStep, write: TracedWrite): Rung {
  const { consumer, state, duplicates, failures, error, letter } = step;
  const lines = [
    ...(failures > 0 ? [`${"✕".repeat(Math.min(failures, 12))} ${plural(failures, "failure")}`] : []),
    ...(letter === null ? [] : [`${letter.reason}: ${letter.error}`]),
    ...(letter === null && error !== null ? [error] : []),
    ...(letter?.discardReason ? [`discarded by ${letter.discardedBy}: ${letter.discardReason}`] : []),
    ...(letter !== null && letter.replays > 0 ? [plural(letter.replays, "replay")] : []),
    ...(duplicates > 0 ? [`came again ${plural(duplicates, "time")}, and changed nothing`] : []),
  ];
  return {
    step: consumer,
    sign: consumerSigns[state],
    title: `${consumer} · ${consumerTexts[state]}`,
    lines,
    ...(letter === null ? {} : { letterId: letter.id }),
    edge: edgeTo(step, write.outbox),
    isBroken: write.verdict.at === consumer,
  };
}

function requestRung({ request }: TracedWrite): Rung {
  const { did, actor, idempotency, replays } = request;
  const lines = [
    [actor ?? "nobody known", idempotency, replays === 0 ? "" : plural(replays, "replay")]
      .filter(Boolean)
      .join(" · "),
  ];
  return {
    step: "request",
    sign: "done",
    title: `request · ${did}`,
    lines,
    edge: { kind: "happened", text: "" },
    isBroken: false,
  };
}

function transactionRung({ transaction, verdict }: TracedWrite): Rung {
  if (transaction === null)
    return {
      step: "transaction",
      sign: "none",
      title: "transaction · nothing was changed",
      lines: [],
      isBroken: false,
    };
  const { eventType, version, changes, assignments = [] } = transaction;
  return {
    step: "transaction",
    sign: "done",
    title: `transaction · ${version === null ? "" : `version ${version} · `}${eventType}`,
    lines: assignments.map(
      ({ requested = "an address", assigned = "another", reason }) =>
        `${requested} was ${reason}: ${assigned} was given in its place`,
    ),
    changes,
    edge: { kind: "happened", text: "" },
    isBroken: verdict.at === "transaction",
  };
}

const outboxSigns: Readonly<Record<OutboxStep["state"], SignName>> = {
  pending: "under way",
  published: "done",
  forgotten: "passed",
  unknown: "unknown",
};
const outboxTexts: Readonly<Record<OutboxStep["state"], string>> = {
  pending: "waits to be published",
  published: "published",
  forgotten: "published, longer ago than is remembered",
  unknown: "can't be asked now",
};

function outboxRung(outbox: OutboxStep, { verdict }: TracedWrite): Rung {
  const { state, attempts, refusal, writtenAt, publishedAt, ageS } = outbox;
  const isPending = state === "pending";
  return {
    step: "outbox",
    sign: outboxSigns[state],
    title: `outbox · ${outboxTexts[state]}`,
    lines: [
      ...(isPending && ageS !== null ? [`for ${spanText(ageS)}`] : []),
      ...(attempts !== null && attempts > 0 ? [plural(attempts, "attempt")] : []),
      ...(refusal === null ? [] : [`refused: ${refusal}`]),
      ...[between(writtenAt, publishedAt, "same clock")]
        .filter(Boolean)
        .map((text) => `${text} after its commit`),
    ],
    isBroken: verdict.at === "outbox",
  };
}

const addressesTexts = {
  agree: "agree",
  behind: "the registry follows",
  differ: "differ, and can't come right by themselves",
  unknown: "can't be compared now",
} as const;
const addressesSigns = { agree: "done", behind: "under way", differ: "broken", unknown: "unknown" } as const;

function addressesRung({ addresses, verdict }: TracedWrite): Rung | undefined {
  if (addresses === null) return undefined;
  const { users, registry, state } = addresses;
  const version = (side: { version: number } | null): string => (side === null ? "–" : `v${side.version}`);
  return {
    step: "addresses",
    sign: addressesSigns[state],
    title: `addresses · ${addressesTexts[state]}`,
    lines: [`users ${version(users)}, registry ${version(registry)}`],
    isBroken: verdict.at === "addresses",
  };
}

export function ladderOf(write: TracedWrite): Ladder {
  return {
    above: [
      requestRung(write),
      transactionRung(write),
      ...(write.outbox === null ? [] : [outboxRung(write.outbox, write)]),
    ],
    consumers: write.consumers.map((step) => consumerRung(step, write)),
    below: addressesRung(write),
  };
}

/** Whether a write is told in a line: it is over, and beside others. */
export const isFolded = (write: TracedWrite, writes: number): boolean =>
  writes > 1 && write.verdict.state === "complete";
