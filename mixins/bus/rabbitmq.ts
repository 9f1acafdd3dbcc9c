/**
 * The bus over RabbitMQ: a connection for publishing, and from the first subscription on one for consuming. Two,
 * because a broker under a memory or disk alarm stops reading from connections that publish, and the
 * acknowledgements that would relieve it must still get through.
 */
import type { ConfirmChannel, ConsumeMessage } from "amqplib";
import type { BrokerTls } from "../../services/contracts/broker-tls.ts";
import { usersExchange } from "../../services/contracts/headers.ts";
import type { Peers } from "../../services/contracts/peers.ts";
import type { Logger } from "../log/logging.ts";
import { disconnectionText } from "./bus-check.ts";
import { type ConfirmOutcome, type Confirms, confirmsOf } from "./confirms.ts";
import { letterReading, replayProperties } from "./dead-letter-message.ts";
import { type EventSenders, eventSenders } from "./event-senders.ts";
import { type Attachment, type Link, rabbitLink } from "./link.ts";
import { signedBy } from "./login.ts";
import type {
  BatchHandler,
  Bus,
  BusStatus,
  Delivery,
  LetterHandler,
  OutgoingMessage,
  PublishOutcome,
  QueueSpec,
  QueueState,
  ReplayedMessage,
  Subscription,
} from "./port.ts";
import { refusal } from "./publish-outcomes.ts";
import { queueStates } from "./queue-states.ts";
import { type Reading, rabbitSubscription } from "./rabbitmq-subscription.ts";
import { ReadyCallbacks } from "./ready-callbacks.ts";
import { declareTopology, queuesFor } from "./topology.ts";
import { deliveryOf, eventProperties, isEncodable } from "./wire.ts";

const batchMaxDefault = 200;
/** A batch in hand, the next one here already, a third one on its way. */
const prefetchDefault = 3 * batchMaxDefault;
/** A message that the broker has neither taken nor refused by then is refused, and the channel replaced. */
const confirmWaitMsDefault = 10_000;
/** The relay tries again whenever there is a channel, which is every 5 s at least. */
const refusalKeptMs = 30_000;

export interface RabbitMqBusOptions {
  /** `;` separates the nodes of a cluster. */
  readonly url: string;
  readonly tls?: BrokerTls;
  readonly queues: readonly QueueSpec[];
  readonly retryDelaysMs: readonly number[];
  /** Shown by the broker, and named in the headers of what failed here. */
  readonly connectionName: string;
  readonly log: Logger;
  /** Whose events are believed; everybody's when absent. */
  readonly peers?: Peers | undefined;
  readonly prefetch?: number;
  readonly batchMax?: number;
  readonly confirmWaitMs?: number;
}

const tooLongReason = "an identifier is too long for AMQP";

class RabbitMqBus implements Bus {
  readonly kind = "rabbitmq";
  readonly #options: RabbitMqBusOptions;
  readonly #confirmWaitMs: number;
  readonly #signed: ReturnType<typeof signedBy>;
  readonly #ready: ReadyCallbacks;
  readonly #publishing: Link;
  readonly #publisher: Attachment;
  #consuming: Link | undefined;
  #states: (() => Promise<readonly QueueState[]>) | undefined;
  #started = false;
  #confirms: Confirms | undefined;
  /** Why the broker closed the channel on what was published, and when. */
  #refusal: { readonly text: string; readonly atMs: number } | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: RabbitMqBusOptions) {
    this.#options = options;
    this.#ready = new ReadyCallbacks(options.log);
    this.#confirmWaitMs = options.confirmWaitMs ?? confirmWaitMsDefault;
    this.#signed = signedBy(options.url);
    this.#publishing = this.#link("publish");
    this.#publisher = this.#publishing.attach({
      name: "publish",
      open: (channel) => this.#open(channel),
      lost: () => {
        this.#confirms = undefined;
      },
      blockedChanged: (reason) => {
        if (reason !== undefined) this.#confirms?.refuseWaiting(reason);
        else if (this.#confirms) this.#ready.tell();
      },
    });
  }

  start(): void {
    this.#started = true;
    this.#publishing.start();
    this.#consuming?.start();
  }

  status(): BusStatus {
    const connected = this.#confirms !== undefined && (this.#consuming?.connected() ?? true);
    const reason = this.#publishing.fault() ?? this.#lastRefusal() ?? this.#consuming?.fault();
    return { connected, blocked: this.#publishing.blocked(), ...(reason === undefined ? {} : { reason }) };
  }

  onReady(callback: () => void): () => void {
    return this.#ready.add(callback);
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    const confirms = this.#usable();
    if (typeof confirms === "string") return messages.map(() => refusal(confirms));
    const sendable = messages.filter(isEncodable);
    const outcomes = await confirms.publish(
      sendable.map((message) => ({
        exchange: usersExchange,
        routingKey: message.type,
        body: Buffer.from(message.body),
        properties: { ...eventProperties(message), ...this.#signed },
      })),
    );
    this.#noteRefusal(confirms, outcomes);
    const results = new Map(sendable.map((message, index) => [message, outcomes[index]]));
    return messages.map((message) =>
      this.#outcomeOf(results.get(message), () => queuesFor(this.#options.queues, message.type).length > 0),
    );
  }

  async publishTo(queue: string, message: ReplayedMessage): Promise<PublishOutcome> {
    const confirms = this.#usable();
    if (typeof confirms === "string") return refusal(confirms);
    const { messageId = "", type, correlationId = "" } = message;
    if (!isEncodable({ id: messageId, type, correlationId })) return refusal(tooLongReason);
    const properties = { ...replayProperties(message), ...this.#signed };
    const [outcome] = await confirms.publish([
      { exchange: "", routingKey: queue, body: Buffer.from(message.body), properties },
    ]);
    return this.#outcomeOf(outcome, () => this.#options.queues.some((spec) => spec.queue === queue));
  }

  subscribe(queue: string, handler: BatchHandler, arrived?: (delivery: Delivery) => void): Subscription {
    const { doubt } = this.#sendersOf(queue);
    const show = (message: ConsumeMessage) => deliveryOf(message, doubt(message));
    return this.#read(queue, { source: queue, show, handle: handler, arrived });
  }

  deadLetters(queue: string, handler: LetterHandler): Subscription {
    return this.#read(queue, letterReading(queue, handler, this.#sendersOf(queue)));
  }

  /** On the connection for consuming: the broker does not read from the other one while it blocks publishers. */
  async queues(): Promise<readonly QueueState[]> {
    const { queues, retryDelaysMs } = this.#options;
    this.#states ??= queueStates(this.#consumingLink(), queues, retryDelaysMs);
    return this.#states();
  }

  close(): Promise<void> {
    this.#closed ??= Promise.all([this.#publishing.close(), this.#consuming?.close()]).then(() => {});
    return this.#closed;
  }

  /** What publishes, or why nothing can be published now. */
  #usable(): Confirms | string {
    const fault = this.#publishing.fault();
    if (this.#publishing.blocked()) return fault ?? "blocked";
    return this.#confirms ?? disconnectionText(fault ?? this.#lastRefusal());
  }

  /**
   * A permission that was withdrawn shows on a message and not on the channel, which can be opened again at once: so it is
   * kept until something is taken.
   */
  #noteRefusal(confirms: Confirms, outcomes: readonly ConfirmOutcome[]): void {
    const text = confirms.refusal();
    if (text !== undefined) this.#refusal = { text, atMs: performance.now() };
    else if (outcomes.some(({ status }) => status === "confirmed")) this.#refusal = undefined;
  }

  /** Another relay may have got through meanwhile what this one was refused, and then nothing is tried here again. */
  #lastRefusal(): string | undefined {
    const isOver = this.#refusal === undefined || performance.now() - this.#refusal.atMs > refusalKeptMs;
    return isOver ? undefined : this.#refusal?.text;
  }

  #read<D extends Delivery>(queue: string, reading: Reading<D>): Subscription {
    const { queues, retryDelaysMs, connectionName, log, prefetch, batchMax } = this.#options;
    const spec = queues.find((candidate) => candidate.queue === queue);
    if (spec === undefined) throw new Error(`Cannot subscribe to ${queue}: no such queue is declared`);
    return rabbitSubscription(this.#consumingLink(), spec, reading, {
      retryDelaysMs,
      prefetch: prefetch ?? prefetchDefault,
      batchMax: batchMax ?? batchMaxDefault,
      confirmWaitMs: this.#confirmWaitMs,
      consumer: connectionName,
      signed: this.#signed,
      senders: this.#sendersOf(queue),
      log,
    });
  }

  #sendersOf(queue: string): EventSenders {
    return eventSenders(queue, this.#options.peers);
  }

  #consumingLink(): Link {
    this.#consuming ??= this.#link("consume");
    if (this.#started) this.#consuming.start();
    return this.#consuming;
  }

  #link(purpose: string): Link {
    const { url, tls = {}, connectionName, log } = this.#options;
    return rabbitLink({ url, tls, connectionName: `${connectionName} ${purpose}`, log });
  }

  async #open(channel: ConfirmChannel): Promise<void> {
    const confirms = confirmsOf(channel, {
      confirmWaitMs: this.#confirmWaitMs,
      recycle: (reason) => this.#publisher.recycle(reason),
    });
    await declareTopology(channel, this.#options.queues, this.#options.retryDelaysMs);
    this.#confirms = confirms;
    if (!this.#publishing.blocked()) this.#ready.tell();
  }

  /** `declared`: a queue that we know of takes it. */
  #outcomeOf(outcome: ConfirmOutcome | undefined, declared: () => boolean): PublishOutcome {
    if (outcome === undefined) return refusal(tooLongReason);
    if (outcome.status === "confirmed") return outcome;
    // Somebody has deleted the queue: a fresh channel declares it again.
    if (outcome.cause === "unroutable" && declared()) this.#publisher.recycle("a declared queue is missing");
    return refusal(`${outcome.cause}: ${outcome.reason}`);
  }
}

/** Connects with `start`. */
export const rabbitMqBus = (options: RabbitMqBusOptions): Bus => new RabbitMqBus(options);
