/**
 * The bus port: how facts leave the outbox and reach a consumer. Two implementations keep the same promise
 * (test/contract/bus-conformance.ts runs on both): RabbitMQ, and in-process for the embedded default.
 *
 * Promise: a message whose outcome is `confirmed` will be handed to every queue bound to its type until the
 * queue's handler answers `done` or `dead`, whatever process or broker crashes meanwhile. Repeats happen.
 */

export interface OutgoingMessage {
  /** The event's id (AMQP messageId). */
  readonly id: string;
  /** The event's type, which is the routing key. */
  readonly type: string;
  readonly correlationId: string;
  /** The structured CloudEvent, as it was committed. */
  readonly body: string;
}

/** `confirmed`: durable and routed. Anything else: not taken over, publish it again later. */
export type PublishOutcome =
  | { readonly status: "confirmed" }
  | { readonly status: "refused"; readonly reason: string; readonly retryAfterMs?: number };

export interface Delivery {
  readonly messageId: string | undefined;
  readonly routingKey: string;
  readonly correlationId: string | undefined;
  readonly body: Uint8Array;
  /** How often a handler has failed on it before. */
  readonly attempts: number;
  /** Why nobody may take it for an event, whatever it holds; absent: somebody may. */
  readonly doubt?: string;
}

/**
 * What a handler says of one delivery. The acknowledgement follows from it in one place (settlement.ts):
 * done → acknowledge; retry → the next wait queue, or the dead letters after the last; dead → the dead letters
 * at once; requeue → back to the queue untouched (used when stopping).
 */
export type Verdict =
  | { readonly kind: "done" }
  | { readonly kind: "retry"; readonly error: string }
  | { readonly kind: "dead"; readonly reason: string; readonly error: string }
  | { readonly kind: "requeue" };

/** One verdict for each delivery, in order. Throwing counts as `requeue` for the whole batch. */
export type BatchHandler = (batch: readonly Delivery[]) => Promise<readonly Verdict[]>;

export interface Subscription {
  /** Takes no more deliveries and resolves when those in hand are settled. */
  stop(): Promise<void>;
}

/** A queue, and the event types that reach it. Declared by publishers too, so nothing is unroutable. */
export interface QueueSpec {
  readonly queue: string;
  readonly bindings: readonly string[];
}

export interface DeadLetter {
  readonly queue: string;
  readonly messageId: string | undefined;
  readonly correlationId: string | undefined;
  readonly routingKey: string;
  readonly body: Uint8Array;
  readonly reason: string;
  readonly error: string;
  readonly attempts: number;
  readonly firstFailedAt: Date;
  readonly lastFailedAt: Date;
  /** The number of the replay that it failed after; absent: none. */
  readonly replays?: number;
  /** As they came with the message. */
  readonly headers?: Readonly<Record<string, unknown>>;
  /** The broker gave it up, not a consumer of ours, so nobody has logged it. */
  readonly byBroker?: boolean;
}

/** Tells of each letter, in order, whether it is durable; those that are not, or all when it rejects, come again. */
export type LetterHandler = (letters: readonly DeadLetter[]) => Promise<readonly boolean[]>;

/** A dead letter on its way back to the one queue that it came from. */
export interface ReplayedMessage {
  readonly messageId: string | undefined;
  readonly correlationId: string | undefined;
  /** The routing key of its first way. */
  readonly type: string;
  readonly body: Uint8Array;
  /** The headers of its letter; what the failures have added is left out. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** The number of this replay, from 1; a letter that it becomes carries the same. */
  readonly replays: number;
}

/** A queue of the broker as it stands. */
export interface QueueState {
  readonly queue: string;
  /** Those that no consumer has in hand. */
  readonly messages: number;
  /** undefined: a queue that nobody is meant to read, where events wait for a retry. */
  readonly consumers: number | undefined;
}

export interface BusStatus {
  readonly connected: boolean;
  /** The broker has asked publishers to wait (memory or disk alarm). */
  readonly blocked: boolean;
  /**
   * Why it is of no use, or not of full use: in the words of the broker or of the system on the way to it, whatever it
   * was that they refused last and have not granted since. Absent: nothing is known to be wrong.
   */
  readonly reason?: string;
}

export interface Bus {
  readonly kind: "rabbitmq" | "in-process";
  /** Begins to connect and returns at once; a broker that is absent at boot is the same case as one lost later. */
  start(): void;
  status(): BusStatus;
  /** Calls back each time the bus becomes able to publish. Returns how to stop that. */
  onReady(callback: () => void): () => void;
  /** One outcome for each message, in order; never rejects. */
  publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]>;
  /**
   * Reads one queue until stopped; survives reconnects. `arrived` may be told of a delivery before its batch: what needs
   * no other delivery can be done while the handler waits for its database. It must not throw.
   */
  subscribe(queue: string, handler: BatchHandler, arrived?: (delivery: Delivery) => void): Subscription;
  /** Reads the dead letters of one queue until stopped; each comes until the handler says that it is durable. */
  deadLetters(queue: string, handler: LetterHandler): Subscription;
  /**
   * To this one queue, as if it came for the first time; `confirmed` when it is durable there. In-process that is
   * when its handler is done with it: there is no queue to wait in, so one that fails is a dead letter again at once.
   */
  publishTo(queue: string, message: ReplayedMessage): Promise<PublishOutcome>;
  /** Every declared queue with its retries and dead letters; rejects when the broker does not tell. In-process: none. */
  queues(): Promise<readonly QueueState[]>;
  /** Subscriptions must have been stopped. */
  close(): Promise<void>;
}
