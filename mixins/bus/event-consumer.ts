/**
 * Promise: every event of a queue takes its effect at least once before it is acknowledged; one that can't is set
 * aside without holding up the others.
 *
 * - The whole batch goes to `apply`, which commits its effects in one transaction (exactly-once is `apply`'s: a
 *   watermark or an inbox row in that same transaction).
 * - What can't be parsed, or `apply` finds unacceptable, is dead at once: no later try makes it an event.
 * - An error bisects the batch down to the one event; that gets two more tries at once, then the retry ladder.
 * - A transaction that lost against another one is repeated at once.
 * - A database that can't be reached is no fault of the event: the same batch waits for it, with backoff, and goes
 *   back to the queue untouched when the service stops. Of a batch that takes it too long each half is tried by itself:
 *   waiting would not make it less.
 *
 * `started` subscribes, `stopped` resolves when the deliveries in hand are settled. List this mixin before the
 * database's: Moleculer starts the last mixin of a list first and stops it last.
 */
import { Unavailable } from "../../services/contracts/errors.ts";
import type { UserFact } from "../../services/contracts/events.ts";
import type { Mixin } from "../basics/mixin.ts";
import { backoffMs, pause } from "../basics/pause.ts";
import { withCorrelation, withCorrelations } from "../context/correlation.ts";
import { consumerSpan, type OpenSpan } from "../context/tracing.ts";
import { errorFrames, errorMessage, errorText } from "../log/error-text.ts";
import type { Logger } from "../log/logging.ts";
import type { Metrics, ProcessedResult } from "../metrics/metrics.ts";
import { isContention, isDatabaseUnavailable, isStatementTimeout } from "../postgres/database.ts";
import { applyBisecting } from "./bisect.ts";
import { type ParsedEvent, parseEvent } from "./event-parsing.ts";
import type { BatchHandler, Bus, Delivery, Subscription, Verdict } from "./port.ts";
import { settlementOf } from "./settlement.ts";

const immediateRetriesMax = 2;
const immediateRetryDelayMinMs = 5;
const immediateRetryDelayMaxMs = 25;
const contentionRetriesMax = 5;
const outageDelayMinMs = 100;
const outageDelayMaxMs = 5_000;

/** `apply` throws it, having done nothing, of an event that no later try makes acceptable: it is a dead letter at once. */
export class UnacceptableEvent extends Error {
  override name = "UnacceptableEvent";
  /** Of the dead letter. */
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What `apply` says of an event: `stale` is one older than what is known of its user. */
export type Applied = "processed" | "duplicate" | "stale";

/** How often a handler has failed on an event before. */
export type FailuresOf = (event: UserFact) => number;

/** One answer for each event, in order; all or none of the effects. */
export type ApplyEvents = (
  events: readonly UserFact[],
  failuresOf: FailuresOf,
) => Promise<readonly Applied[]>;

/** Told of an event that failed and is not dead yet or is from now on; whether it can be noted changes nothing. */
export type EventFailed = (event: UserFact, failures: number, error: string) => Promise<void>;

export interface EventHandlerOptions {
  /** Label of the metric. */
  readonly name: string;
  readonly queue: string;
  /** To tell a retry from a dead letter in the metric, as the bus settles it. */
  readonly retryDelaysMs: readonly number[];
  /** Named in the spans; RabbitMQ when absent. */
  readonly system?: Bus["kind"];
  readonly log: Logger;
  readonly metrics: Pick<Metrics, "eventsProcessed">;
  readonly apply: ApplyEvents;
  readonly failed?: EventFailed;
}

export interface EventConsumerOptions extends Omit<EventHandlerOptions, "system"> {
  readonly bus: Bus;
}

type Outcome = { readonly applied: Applied } | { readonly verdict: Verdict };
const requeued: Outcome = { verdict: { kind: "requeue" } };

/** The handler alone, for a bus to call. Never rejects. */
export function eventHandler(
  options: EventHandlerOptions,
  stopping: AbortSignal,
  parse: (delivery: Delivery) => ParsedEvent = parseEvent,
): BatchHandler {
  const { apply, log, name, queue, system = "rabbitmq" } = options;
  const spans = new WeakMap<UserFact, OpenSpan>();

  /** Rejects only with an error that the events themselves may have caused. */
  async function applyPatiently(
    events: readonly UserFact[],
    failuresOf: FailuresOf,
  ): Promise<readonly Outcome[]> {
    let contentions = 0;
    for (let outages = 0; !stopping.aborted; ) {
      try {
        const applied = await applyKnown(apply, events, failuresOf, spans);
        if (outages > 0) log.info({ consumer: name }, "consumer goes on, its database can be used again");
        return applied.map((result) => ({ applied: result }));
      } catch (error) {
        if (events.length > 1 && isStatementTimeout(error)) throw error;
        if (isContention(error) && contentions < contentionRetriesMax) contentions += 1;
        else if (error instanceof Unavailable || isDatabaseUnavailable(error)) {
          const reason = errorMessage(error);
          if (outages === 0)
            forAll(events, () => log.warn({ consumer: name, reason }, "consumer waits for its database"));
          await pause(backoffMs(outages, outageDelayMinMs, outageDelayMaxMs), stopping);
          outages += 1;
        } else throw error;
      }
    }
    return events.map(() => requeued);
  }

  async function retryAlone(event: UserFact, firstError: unknown, failuresOf: FailuresOf): Promise<Outcome> {
    let error = firstError;
    const triesMax = error instanceof UnacceptableEvent ? 0 : immediateRetriesMax;
    for (let retry = 0; retry < triesMax; retry += 1) {
      await pause(backoffMs(retry, immediateRetryDelayMinMs, immediateRetryDelayMaxMs), stopping);
      try {
        return (await applyPatiently([event], failuresOf))[0] ?? requeued;
      } catch (again) {
        error = again;
      }
    }
    const text = errorText(error);
    const frames = errorFrames(error);
    inScope(event, () => log.warn({ consumer: name, reason: text, frames }, "event failed in its consumer"));
    await noteFailure(options, event, failuresOf(event) + 1, text);
    if (error instanceof UnacceptableEvent)
      return { verdict: { kind: "dead", reason: error.reason, error: error.message } };
    return { verdict: { kind: "retry", error: text } };
  }

  return async (batch) => {
    const parsed = batch.map((delivery) => ({ delivery, result: parse(delivery) }));
    const events = parsed.flatMap(({ result }) => (result.ok ? [result.event] : []));
    for (const event of events) {
      const { id, type, correlationid: correlationId, traceparent } = event;
      const span = consumerSpan(queue, { id, type, correlationId }, system, traceparent);
      if (span !== undefined) spans.set(event, span);
    }
    const failures = new Map(
      parsed.flatMap(({ delivery, result }) =>
        result.ok ? [[result.event, delivery.attempts] as const] : [],
      ),
    );
    const failuresOf: FailuresOf = (event) => failures.get(event) ?? 0;
    const outcomes = await applyBisecting(
      events,
      (some) => applyPatiently(some, failuresOf),
      (event, error) => retryAlone(event, error, failuresOf),
    );
    const outcomeOf = new Map(events.map((event, index) => [event, outcomes[index] ?? requeued]));
    for (const [event, outcome] of outcomeOf)
      spans.get(event)?.end("applied" in outcome ? {} : { fault: outcome.verdict.kind });
    return parsed.map(({ delivery, result }): Verdict => {
      if (result.ok) return settled(options, delivery, result.event, outcomeOf.get(result.event) ?? requeued);
      count(options, "unknown", "dead");
      return { kind: "dead", reason: result.reason, error: result.error };
    });
  };
}

/** A single event runs under its own correlation, also what it logs or calls inside `apply`. */
async function applyKnown(
  apply: ApplyEvents,
  events: readonly UserFact[],
  failuresOf: FailuresOf,
  spans: WeakMap<UserFact, OpenSpan>,
): Promise<readonly Applied[]> {
  const [first] = events;
  const alone = events.length === 1 && first !== undefined;
  const applied = await (alone
    ? inScope(first, () => apply(events, failuresOf), spans.get(first)?.traceparent)
    : forAll(events, () => apply(events, failuresOf)));
  if (applied.length !== events.length)
    throw new Error(`Cannot settle ${events.length} events: ${applied.length} answers came`);
  return applied;
}

/** The note is for whoever asks later; the event goes its way without it. */
async function noteFailure(
  { failed, log, name }: EventHandlerOptions,
  event: UserFact,
  failures: number,
  error: string,
): Promise<void> {
  try {
    await failed?.(event, failures, error);
  } catch (cause) {
    const reason = errorText(cause);
    inScope(event, () => log.warn({ consumer: name, reason }, "a failure can't be noted"));
  }
}

function settled(
  options: EventHandlerOptions,
  delivery: Delivery,
  event: UserFact,
  outcome: Outcome,
): Verdict {
  if ("applied" in outcome) {
    count(options, event.type, outcome.applied);
    inScope(event, () =>
      options.log.info({ consumer: options.name, result: outcome.applied }, "event handled"),
    );
    return { kind: "done" };
  }
  const { action } = settlementOf(outcome.verdict, delivery.attempts, options.retryDelaysMs);
  if (action === "wait") count(options, event.type, "retried");
  if (action === "dead-letter") count(options, event.type, "dead");
  return outcome.verdict;
}

const count = (options: EventHandlerOptions, type: string, result: ProcessedResult): void =>
  options.metrics.eventsProcessed.inc({ consumer: options.name, type, result });

const inScope = <T>(event: UserFact, fn: () => T, traceparent = event.traceparent): T =>
  withCorrelation(
    {
      correlationId: event.correlationid,
      traceparent,
      actor: event.actor,
      eventId: event.id,
      eventType: event.type,
      userId: event.subject,
    },
    fn,
  );

/** Lines of what is done for several at once carry the ids of all. */
const forAll = <T>(events: readonly UserFact[], fn: () => T): T =>
  withCorrelations(() => events.map(({ correlationid }) => correlationid), fn);

/** The handler with the life of the service that carries it. */
export function eventConsumer(options: EventConsumerOptions): Mixin {
  const stopping = new AbortController();
  // Parsing is half of a consumer's own work on an event, and needs nothing but its body.
  const parsed = new WeakMap<Delivery, ParsedEvent>();
  const parse = (delivery: Delivery): ParsedEvent => {
    const result = parsed.get(delivery) ?? parseEvent(delivery);
    // What a WeakMap holds survives until the whole heap is collected, so it is taken out by whoever needs it.
    parsed.delete(delivery);
    return result;
  };
  let subscription: Subscription | undefined;
  return {
    async started() {
      subscription = options.bus.subscribe(
        options.queue,
        eventHandler({ ...options, system: options.bus.kind }, stopping.signal, parse),
        (delivery) => void parsed.set(delivery, parseEvent(delivery)),
      );
    },
    async stopped() {
      stopping.abort();
      await subscription?.stop();
    },
  };
}
