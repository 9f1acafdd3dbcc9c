/**
 * Promise: the same steps always give the same verdict, and each verdict names an action that can do no harm.
 *
 * From the worst: what can't come right by itself, what waits for somebody, what takes too long, what can't be seen,
 * what is under way. Ages come from the databases' own clocks.
 */

import { counted } from "../../mixins/basics/plural.ts";
import { queueOf } from "../contracts/consumers.ts";
import {
  type AddressesStep,
  type ConsumerStep,
  type OutboxStep,
  type Trace,
  type TraceVerdict,
  verdictStates,
} from "../contracts/trace.ts";
import { isDone } from "./steps.ts";

/** From commit to consumer it takes milliseconds; the relay's slowest poll is 5 s. */
const inFlightSMax = 10;

export interface Steps {
  readonly userId: string;
  readonly outbox: OutboxStep;
  readonly consumers: readonly ConsumerStep[];
  readonly addresses: AddressesStep;
}

const repair = (userId: string): string =>
  `in npm run repl: call reconciler.repair --userIds.0 ${userId} (docs/guides/consistency.md)`;
const seconds = (ageS: number | null): number | null =>
  ageS === null ? null : Math.max(0, Math.floor(ageS));

export const completeVerdict: TraceVerdict = {
  state: "complete",
  at: null,
  sinceS: null,
  says: "the change has arrived everywhere",
  action: "none",
  next: "nothing to do",
};

function diverged({ userId, addresses, consumers }: Steps): TraceVerdict | undefined {
  const given = consumers.find(({ state }) => state === "discarded");
  if (given?.letter) {
    const { discardedBy, discardReason, id } = given.letter;
    const why = `${given.consumer} never took the event: ${discardedBy} discarded its dead letter ${id} (${discardReason})`;
    const next =
      given.consumer === "audit"
        ? `nothing can put the entry into the audit log any more; in npm run repl: reconcile acknowledge audit_missing ${userId} <why> (docs/guides/consistency.md)`
        : repair(userId);
    return {
      state: "diverged",
      at: given.consumer,
      sinceS: seconds(given.letter.ageS),
      says: why,
      action: given.consumer === "audit" ? "acknowledge" : "repair",
      next,
    };
  }
  if (addresses.state !== "differ") return undefined;
  const [mine, theirs] = [addresses.users?.version ?? "none", addresses.registry?.version ?? "none"];
  const says =
    mine === theirs
      ? `smtp-registry holds other addresses for this user than users does, both at version ${mine}`
      : `smtp-registry is at version ${theirs} of this user, ahead of users at ${mine}`;
  return { state: "diverged", at: "addresses", sinceS: null, says, action: "repair", next: repair(userId) };
}

function dead({ consumers }: Steps): TraceVerdict | undefined {
  const step = consumers.find(({ state }) => state === "dead");
  if (!step?.letter) return undefined;
  const { id, reason, error, attempts, replays, ageS } = step.letter;
  const tried = `${counted(attempts, "attempt")}${replays === 0 ? "" : ` after replay ${replays}`}`;
  return {
    state: "stuck",
    at: step.consumer,
    sinceS: seconds(ageS),
    says: `${step.consumer} gave the event up after ${tried}: ${reason} (${error}); it is dead letter ${id}`,
    action: "replay",
    next: `mend the cause, then POST /dead-letters/${id}/replay; a replay is harmless at any time`,
  };
}

const late = (ageS: number | null): "stuck" | "in flight" =>
  ageS !== null && ageS > inFlightSMax ? "stuck" : "in flight";

function atConsumer(step: ConsumerStep, ageS: number | null): TraceVerdict {
  const { consumer, failures, error, letter } = step;
  const queue = queueOf(consumer);
  if (step.state === "retrying")
    return {
      state: late(ageS),
      at: consumer,
      sinceS: seconds(ageS),
      says: `${consumer} has failed on the event ${counted(failures, "time")}: ${error}`,
      action: "wait",
      next: "mend the cause; it is tried again by itself, and is a dead letter when its retries are used up",
    };
  const since = letter?.status === "replayed" ? letter.ageS : ageS;
  const says =
    letter?.status === "replayed"
      ? `the replayed event waits for ${consumer}`
      : `the event is handed over, and ${consumer} has not taken it yet`;
  return {
    state: late(since),
    at: consumer,
    sinceS: seconds(since),
    says,
    action: "wait",
    next:
      late(since) === "in flight"
        ? "ask again in a few seconds"
        : `see that ${consumer} runs and can reach its database (npm run doctor, queue ${queue}, lines with its name); the event waits and is not lost. With an empty queue it is gone: reconciler.repair`,
  };
}

function atOutbox({ attempts, refusal, ageS }: OutboxStep): TraceVerdict {
  const state = late(ageS);
  const tries =
    attempts === null || attempts === 0
      ? "the bus does not take it"
      : `the bus has refused it ${counted(attempts, "time")}`;
  const refused = refusal === null ? "" : `; ${tries}: ${refusal}`;
  return {
    state,
    at: "outbox",
    sinceS: seconds(ageS),
    says: `the event is committed and waits to be published${refused}`,
    action: "wait",
    next:
      state === "in flight"
        ? "ask again in a few seconds"
        : "see that a process hosts outbox and that RabbitMQ takes messages (npm run doctor, lines of service outbox); the event leaves by itself, the request need not be repeated",
  };
}

/** In process the outbox keeps the event until every consumer is done, and a refusal names the queue it comes from. */
function underWay({ outbox, consumers }: Steps): TraceVerdict | undefined {
  const open = consumers.filter((step) => step.state === "waiting" || step.state === "retrying");
  if (outbox.state === "pending") {
    // In our own words the queue is a word; in RabbitMQ's it stands in quotes, and nothing was handed over.
    const words = outbox.refusal?.split(" ") ?? [];
    const named = open.find(({ consumer }) => words.includes(queueOf(consumer)));
    const failing = named ?? open.find(({ state }) => state === "retrying");
    const slow = consumers.some(isDone) ? open[0] : undefined;
    const step = failing ?? slow;
    return step === undefined ? atOutbox(outbox) : atConsumer(step, outbox.ageS);
  }
  const step = open.find(({ state }) => state === "retrying") ?? open[0];
  return step === undefined ? undefined : atConsumer(step, outbox.ageS);
}

function unknown({ outbox, consumers, addresses }: Steps): TraceVerdict | undefined {
  const away = consumers.flatMap(({ consumer, state }) => (state === "unknown" ? [consumer] : []));
  const parts = [
    ...(outbox.state === "unknown" && !consumers.every(isDone) ? ["outbox"] : []),
    ...away,
    ...(addresses.state === "unknown" ? ["addresses"] : []),
  ];
  const [at] = parts;
  return at === undefined ? undefined : cannotSee(at, parts);
}

/** Of who is there and refuses: it is no fault of the network or of that process's health. */
export const misunderstanding = "does not understand the question (is it of another release?)";

/** None when everybody has answered. */
export function gapVerdicts(unseen: Trace["unseen"]): TraceVerdict[] {
  const [first] = unseen;
  if (first === undefined) return [];
  const reasons = [...Map.groupBy(unseen, ({ reason }) => reason === misunderstanding)].map(
    ([isThere, of]) =>
      `${of.map(({ service }) => service).join(", ")} ${isThere ? misunderstanding : "can't be reached now"}`,
  );
  const says = `this trace is incomplete, because ${reasons.join(", and ")}`;
  return [{ ...cannotSee(first.service, []), says }];
}

/** None when all were looked at. */
export const remainderVerdicts = (left: number, total: number): TraceVerdict[] =>
  left === 0
    ? []
    : [
        {
          state: "unknown",
          at: null,
          sinceS: null,
          says: `${left} of ${total} writes were not looked at in time`,
          action: "wait",
          next: "read the next pages, or ask by npm run trace, which takes its time",
        },
      ];

/** Some of what would have to be asked does not answer. */
const cannotSee = (at: string, parts: readonly string[]): TraceVerdict => ({
  state: "unknown",
  at,
  sinceS: null,
  says: `can't be seen now: ${parts.join(", ")}`,
  action: "wait",
  next: "see which service is away (npm run doctor, GET /health/ready) and ask again; nothing is lost meanwhile",
});

/** The verdict on one event. */
export function verdictOf(steps: Steps): TraceVerdict {
  const moving = underWay(steps);
  const stuck = moving?.state === "stuck" ? moving : undefined;
  return diverged(steps) ?? dead(steps) ?? stuck ?? unknown(steps) ?? moving ?? completeVerdict;
}

/** The worst of several; what stands first among equals. */
export const worstOf = (verdicts: readonly TraceVerdict[]): TraceVerdict =>
  verdictStates.flatMap((state) => verdicts.find((verdict) => verdict.state === state) ?? [])[0] ??
  completeVerdict;
