/**
 * The bus within one process, for the embedded default. It keeps no message of its own: the outbox table is the
 * queue. `publish` hands each message to the handler of every queue that takes its type and answers `confirmed` only
 * when each of them is done with it or has it stored among the dead letters; anything else is `refused`, the outbox
 * keeps the row and publishes it again.
 *
 * Between two such publications the bus remembers, in memory and bounded, which queues are settled and how often each
 * has failed. What a crash or the bound forgets is handed out once more, with its failures counted anew.
 */
import { PassingMap } from "../basics/passing-map.ts";
import { Lane, type LaneOptions, newProgress, type Progress } from "./in-process-lane.ts";
import type {
  BatchHandler,
  Bus,
  BusStatus,
  DeadLetter,
  LetterHandler,
  OutgoingMessage,
  PublishOutcome,
  QueueSpec,
  QueueState,
  ReplayedMessage,
  Subscription,
} from "./port.ts";
import { confirmation, refusal } from "./publish-outcomes.ts";
import { ReadyCallbacks } from "./ready-callbacks.ts";
import { queuesFor } from "./topology.ts";

/** Messages whose failures are remembered; the oldest are forgotten first. */
const rememberedMax = 10_000;

export interface InProcessBusOptions extends LaneOptions {
  /** Takes the letters of queues whose dead letters nobody reads. */
  readonly deadLetter: LaneOptions["deadLetter"];
  readonly queues: readonly QueueSpec[];
}

/** The queues' progress with messages that are not confirmed yet. */
class Memory {
  readonly #byMessage = new PassingMap<string, Map<string, Progress>>();

  of(messageId: string, queue: string): Progress {
    const queues = this.#byMessage.get(messageId) ?? new Map<string, Progress>();
    this.#byMessage.set(messageId, queues);
    if (this.#byMessage.size > rememberedMax) {
      const [oldest] = this.#byMessage.keys();
      if (oldest !== undefined) this.#byMessage.delete(oldest);
    }
    const progress = queues.get(queue) ?? newProgress();
    queues.set(queue, progress);
    return progress;
  }

  forget(messageId: string): void {
    this.#byMessage.delete(messageId);
  }
}

/** Who reads a queue's dead letters, and what it has in hand. */
class LetterReader {
  readonly #handler: LetterHandler;
  readonly #inHand = new Set<Promise<readonly boolean[]>>();

  constructor(handler: LetterHandler) {
    this.#handler = handler;
  }

  async take(letter: DeadLetter): Promise<void> {
    const work = this.#handler([letter]);
    this.#inHand.add(work);
    try {
      const [stored] = await work;
      if (stored !== true) throw new Error("Cannot settle the dead letter: it is not stored");
    } finally {
      this.#inHand.delete(work);
    }
  }

  /** Resolves when nothing is in hand; what failed is told to whoever handed it over. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#inHand);
  }
}

class InProcessBus implements Bus {
  readonly kind = "in-process";
  readonly #options: InProcessBusOptions;
  readonly #lanes: ReadonlyMap<string, Lane>;
  readonly #memory = new Memory();
  readonly #ready: ReadyCallbacks;
  readonly #letterReaders = new Map<string, LetterReader>();
  #open = false;

  constructor(options: InProcessBusOptions) {
    this.#options = options;
    this.#ready = new ReadyCallbacks(options.log);
    const laneOptions = { ...options, deadLetter: (letter: DeadLetter) => this.#bury(letter) };
    this.#lanes = new Map(options.queues.map(({ queue }) => [queue, new Lane(queue, laneOptions)]));
  }

  start(): void {
    this.#open = true;
    this.#becameReady();
  }

  status(): BusStatus {
    return { connected: this.#open, blocked: false };
  }

  onReady(callback: () => void): () => void {
    return this.#ready.add(callback);
  }

  publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    return Promise.all(messages.map((message) => this.#publish(message)));
  }

  subscribe(queue: string, handler: BatchHandler): Subscription {
    const lane = this.#lanes.get(queue);
    if (lane === undefined) throw new Error(`Cannot subscribe to ${queue}: no such queue is declared`);
    const subscription = lane.read(handler);
    this.#becameReady();
    return subscription;
  }

  deadLetters(queue: string, handler: LetterHandler): Subscription {
    if (!this.#lanes.has(queue))
      throw new Error(`Cannot read the dead letters of ${queue}: no such queue is declared`);
    const reader = new LetterReader(handler);
    this.#letterReaders.set(queue, reader);
    return {
      stop: () => {
        if (this.#letterReaders.get(queue) === reader) this.#letterReaders.delete(queue);
        return reader.settled();
      },
    };
  }

  async publishTo(queue: string, message: ReplayedMessage): Promise<PublishOutcome> {
    if (!this.#open) return refusal("the bus is not running");
    return this.#lanes.get(queue)?.replay(message) ?? refusal(`unroutable: no queue is named ${queue}`);
  }

  async queues(): Promise<readonly QueueState[]> {
    return [];
  }

  async close(): Promise<void> {
    this.#open = false;
  }

  #bury(letter: DeadLetter): Promise<unknown> {
    return this.#letterReaders.get(letter.queue)?.take(letter) ?? this.#options.deadLetter(letter);
  }

  async #publish(message: OutgoingMessage): Promise<PublishOutcome> {
    if (!this.#open) return refusal("the bus is not running");
    const bound = queuesFor(this.#options.queues, message.type).flatMap(
      ({ queue }) => this.#lanes.get(queue) ?? [],
    );
    if (bound.length === 0) return refusal(`unroutable: no queue takes ${message.type}`);
    const outcomes = await Promise.all(
      bound.map((lane) => lane.hand(message, this.#memory.of(message.id, lane.queue))),
    );
    const refusals = outcomes.filter((outcome) => outcome.status === "refused");
    const [first] = refusals;
    if (first === undefined) {
      this.#memory.forget(message.id);
      return confirmation;
    }
    // One that names no time wants it as soon as may be; the others refuse it until their own time has come.
    const timeless = refusals.find(({ retryAfterMs }) => retryAfterMs === undefined);
    if (timeless) return timeless;
    return refusal(first.reason, Math.min(...refusals.map(({ retryAfterMs }) => retryAfterMs ?? 0)));
  }

  /** Not at once: whoever starts or subscribes is still in the middle of it. */
  #becameReady(): void {
    if (this.#open) queueMicrotask(() => this.#ready.tell());
  }
}

/** Delivers from `start` to `close`. */
export const inProcessBus = (options: InProcessBusOptions): Bus => new InProcessBus(options);
