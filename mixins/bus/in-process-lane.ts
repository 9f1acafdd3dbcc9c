/** One queue of the in-process bus: hands out what waits in batches, one batch at a time a reader, and settles it. */
import type { Logger } from "../log/logging.ts";
import { deliveryVerdicts, logDeadLetter } from "./delivery-verdicts.ts";
import type {
  BatchHandler,
  DeadLetter,
  OutgoingMessage,
  PublishOutcome,
  ReplayedMessage,
  Subscription,
} from "./port.ts";
import { confirmation, refusal } from "./publish-outcomes.ts";
import { type Settlement, settlementOf, withJitter } from "./settlement.ts";

const batchMaxDefault = 100;

export interface LaneOptions {
  readonly retryDelaysMs: readonly number[];
  /** Must not resolve before the letter is durable. */
  readonly deadLetter: (letter: DeadLetter) => Promise<unknown>;
  readonly log: Logger;
  readonly batchMax?: number;
}

/** What one queue has had of one message. */
export interface Progress {
  settled: boolean;
  attempts: number;
  firstFailedAt: Date | undefined;
  /** Milliseconds since the epoch; before that, the queue does not want it. */
  notBefore: number;
}

export const newProgress = (): Progress => ({
  settled: false,
  attempts: 0,
  firstFailedAt: undefined,
  notBefore: 0,
});

/** What a lane hands out: an event of the outbox, or a dead letter that is replayed. */
interface Carried extends Pick<OutgoingMessage, "type"> {
  readonly messageId: string | undefined;
  readonly correlationId: string | undefined;
  readonly body: Uint8Array;
  /** Of a replay: there is nothing to wait in, so it is tried once and is a dead letter again when it fails. */
  readonly replay?: Pick<ReplayedMessage, "replays" | "headers">;
}

interface Task {
  readonly message: Carried;
  readonly progress: Progress;
  readonly answer: (outcome: PublishOutcome) => void;
}

/** One queue: what waits for it now, and who reads it. */
export class Lane {
  readonly queue: string;
  readonly #options: LaneOptions;
  readonly #readers = new Set<Reader>();
  #waiting: Task[] = [];

  constructor(queue: string, options: LaneOptions) {
    this.queue = queue;
    this.#options = options;
  }

  /** Resolves with what this queue makes of the message. */
  hand(message: OutgoingMessage, progress: Progress): Promise<PublishOutcome> {
    if (progress.settled) return Promise.resolve(confirmation);
    if (this.#readers.size === 0) return Promise.resolve(refusal(`nobody reads ${this.queue}`));
    const waitMs = progress.notBefore - Date.now();
    if (waitMs > 0) return Promise.resolve(refusal(`${this.queue} has it for a retry`, waitMs));
    const { id, type, correlationId, body } = message;
    return this.#enqueue({ messageId: id, type, correlationId, body: Buffer.from(body) }, progress);
  }

  /** Hands out a dead letter of this queue once more, beside whatever waits. */
  replay({ replays, headers, ...message }: ReplayedMessage): Promise<PublishOutcome> {
    if (this.#readers.size === 0) return Promise.resolve(refusal(`nobody reads ${this.queue}`));
    return this.#enqueue({ ...message, replay: { replays, headers } }, newProgress());
  }

  #enqueue(message: Carried, progress: Progress): Promise<PublishOutcome> {
    return new Promise((answer) => {
      this.#waiting.push({ message, progress, answer });
      for (const reader of this.#readers) reader.wake();
    });
  }

  take(): Task[] {
    return this.#waiting.splice(0, this.#options.batchMax ?? batchMaxDefault);
  }

  read(handler: BatchHandler): Subscription {
    const reader = new Reader(this, handler, this.#options);
    this.#readers.add(reader);
    let stopped: Promise<void> | undefined;
    return {
      stop: () => {
        this.#readers.delete(reader);
        if (this.#readers.size === 0) this.#handBack();
        stopped ??= reader.stop();
        return stopped;
      },
    };
  }

  #handBack(): void {
    for (const { answer } of this.#waiting.splice(0)) answer(refusal(`nobody reads ${this.queue} any more`));
  }
}

/** One subscription: one batch at a time. */
class Reader {
  readonly #lane: Lane;
  readonly #handler: BatchHandler;
  readonly #options: LaneOptions;
  #stopping = false;
  #pumping: Promise<void> | undefined;

  constructor(lane: Lane, handler: BatchHandler, options: LaneOptions) {
    this.#lane = lane;
    this.#handler = handler;
    this.#options = options;
  }

  wake(): void {
    this.#pumping ??= this.#pump();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#pumping;
  }

  async #pump(): Promise<void> {
    // What is published together is handed out together.
    await Promise.resolve();
    while (!this.#stopping) {
      const batch = this.#lane.take();
      if (batch.length === 0) break;
      await this.#settle(batch);
    }
    this.#pumping = undefined;
  }

  async #settle(batch: readonly Task[]): Promise<void> {
    const { retryDelaysMs, log } = this.#options;
    const deliveries = batch.map(({ message, progress }) => ({
      messageId: message.messageId,
      routingKey: message.type,
      correlationId: message.correlationId,
      body: message.body,
      attempts: progress.attempts,
    }));
    const verdicts = await deliveryVerdicts(this.#handler, deliveries, this.#lane.queue, log);
    await Promise.all(
      batch.map(async (task, index) => {
        const verdict = verdicts[index] ?? { kind: "requeue" };
        const ladder = task.message.replay === undefined ? retryDelaysMs : [];
        task.answer(await this.#apply(task, settlementOf(verdict, task.progress.attempts, ladder)));
      }),
    );
  }

  async #apply({ message, progress }: Task, settlement: Settlement): Promise<PublishOutcome> {
    const { queue } = this.#lane;
    switch (settlement.action) {
      case "acknowledge":
        progress.settled = true;
        return confirmation;
      case "requeue":
        return refusal(`${queue} gave it back`);
      case "wait": {
        const retryAfterMs = withJitter(settlement.delayMs);
        progress.attempts = settlement.attempts;
        progress.firstFailedAt ??= new Date();
        progress.notBefore = Date.now() + retryAfterMs;
        return refusal(`${queue} failed on it`, retryAfterMs);
      }
      case "dead-letter":
        return this.#bury(message, progress, settlement);
    }
  }

  async #bury(
    message: Carried,
    progress: Progress,
    dead: Extract<Settlement, { action: "dead-letter" }>,
  ): Promise<PublishOutcome> {
    const { queue } = this.#lane;
    const lastFailedAt = new Date();
    const letter: DeadLetter = {
      queue,
      messageId: message.messageId,
      correlationId: message.correlationId,
      routingKey: message.type,
      body: message.body,
      ...message.replay,
      reason: dead.reason,
      error: dead.error,
      attempts: dead.attempts,
      firstFailedAt: progress.firstFailedAt ?? lastFailedAt,
      lastFailedAt,
    };
    try {
      await this.#options.deadLetter(letter);
    } catch (err) {
      this.#options.log.warn({ err, queue, eventId: message.messageId }, "Dead letter can't be stored yet");
      return refusal(`${queue} can't store its dead letter`);
    }
    progress.settled = true;
    logDeadLetter(this.#options.log, queue, letter, dead);
    return confirmation;
  }
}
