/**
 * Promise: one queue is read until stopped, whatever becomes of the connection, the channel or the queue; a delivery
 * is acknowledged only after its handler is done with it, or after its replacement (retry, dead letter) is confirmed.
 *
 * The handler gets whatever has arrived, up to `batchMax`, one batch at a time, also across a reconnect. Deliveries
 * of a channel that is gone can't be settled any more; the broker hands them out again.
 */
import type { ConfirmChannel, ConsumeMessage, Options } from "amqplib";
import { deadLetterQueue } from "../../services/contracts/headers.ts";
import { backoffMs, pause, restMsAfter, within } from "../basics/pause.ts";
import type { Logger } from "../log/logging.ts";
import { type Confirms, confirmsOf } from "./confirms.ts";
import { deliveryVerdicts, logDeadLetter } from "./delivery-verdicts.ts";
import type { EventSenders } from "./event-senders.ts";
import type { Attachment, Link } from "./link.ts";
import type { signedBy } from "./login.ts";
import type { Delivery, QueueSpec, Subscription, Verdict } from "./port.ts";
import { type Settlement, settlementOf, withJitter } from "./settlement.ts";
import { declareTopology, waitQueue } from "./topology.ts";
import { republishProperties } from "./wire.ts";

/** Pauses between attempts to hand a message on to a broker that refuses it, and after a handler that threw. */
const faultPauseMinMs = 100;
const faultPauseMaxMs = 5_000;
const cancelTimeoutMs = 2_000;

export interface SubscriptionOptions {
  readonly retryDelaysMs: readonly number[];
  readonly prefetch: number;
  readonly batchMax: number;
  readonly confirmWaitMs: number;
  /** Named in the headers of what failed. */
  readonly consumer: string;
  /** Of whatever is published again (login.ts). */
  readonly signed: ReturnType<typeof signedBy>;
  readonly senders: EventSenders;
  readonly log: Logger;
}

/** One channel's life. */
interface Session {
  readonly channel: ConfirmChannel;
  readonly confirms: Confirms;
  consumerTag?: string;
}

/** What is read, how a message is shown to the handler, and the handler. */
export interface Reading<D extends Delivery> {
  /** The queue itself, or its dead letters. */
  readonly source: string;
  readonly show: (message: ConsumeMessage) => D;
  readonly handle: (batch: readonly D[]) => Promise<readonly Verdict[]>;
  readonly arrived?: ((delivery: D) => void) | undefined;
}

interface Item<D> {
  readonly session: Session;
  readonly message: ConsumeMessage;
  readonly delivery: D;
}

type Replacement = Extract<Settlement, { action: "wait" | "dead-letter" }>;

class RabbitSubscription<D extends Delivery> implements Subscription {
  readonly #spec: QueueSpec;
  readonly #reading: Reading<D>;
  readonly #options: SubscriptionOptions;
  readonly #attachment: Attachment;
  readonly #stopping = new AbortController();
  #session: Session | undefined;
  #inbox: Item<D>[] = [];
  #pumping: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  /** Batches in a row that were, in part at least, requeued. */
  #faults = 0;

  constructor(link: Link, spec: QueueSpec, reading: Reading<D>, options: SubscriptionOptions) {
    this.#spec = spec;
    this.#reading = reading;
    this.#options = options;
    this.#attachment = link.attach({
      name: reading.source,
      open: (channel) => this.#open(channel),
      lost: () => {
        this.#session = undefined;
        this.#inbox = [];
      },
      blockedChanged: (reason) => {
        if (reason !== undefined) this.#session?.confirms.refuseWaiting(reason);
      },
    });
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    const { channel, consumerTag } = this.#session ?? {};
    if (channel && consumerTag)
      await within(cancelTimeoutMs, "the broker does not answer", channel.cancel(consumerTag)).catch(
        () => {},
      );
    for (const item of this.#inbox.splice(0)) this.#giveBack(item);
    await this.#pumping;
    await this.#attachment.detach();
  }

  async #open(channel: ConfirmChannel): Promise<void> {
    const confirms = confirmsOf(channel, {
      confirmWaitMs: this.#options.confirmWaitMs,
      recycle: (reason) => this.#attachment.recycle(reason),
    });
    await declareTopology(channel, [this.#spec], this.#options.retryDelaysMs);
    await channel.prefetch(this.#options.prefetch);
    if (this.#stopping.signal.aborted) return;
    const session: Session = { channel, confirms };
    this.#session = session;
    const { consumerTag } = await channel.consume(this.#reading.source, (message) =>
      this.#arrived(session, message),
    );
    session.consumerTag = consumerTag;
  }

  #arrived(session: Session, message: ConsumeMessage | null): void {
    if (message === null) {
      if (!this.#stopping.signal.aborted) this.#attachment.recycle("the broker cancelled the consumer");
      return;
    }
    const item: Item<D> = { session, message, delivery: this.#reading.show(message) };
    if (this.#stopping.signal.aborted) {
      this.#giveBack(item);
      return;
    }
    this.#reading.arrived?.(item.delivery);
    this.#inbox.push(item);
    this.#pumping ??= this.#pump();
  }

  async #pump(): Promise<void> {
    // All that the socket has delivered is parsed before the first batch is cut.
    await Promise.resolve();
    while (this.#inbox.length > 0 && !this.#stopping.signal.aborted) {
      const startedAtMs = performance.now();
      const batch = this.#inbox.splice(0, this.#options.batchMax);
      await this.#settle(batch);
      await this.#rest(batch, performance.now() - startedAtMs);
    }
    this.#pumping = undefined;
  }

  /** Not when the next batch is there. */
  async #rest({ length }: readonly Item<D>[], tookMs: number): Promise<void> {
    const restMs = restMsAfter(length, tookMs);
    if (restMs > 0 && this.#inbox.length < this.#options.batchMax) await pause(restMs, this.#stopping.signal);
  }

  async #settle(batch: readonly Item<D>[]): Promise<void> {
    const deliveries = batch.map(({ delivery }) => delivery);
    const verdicts = await deliveryVerdicts(
      this.#reading.handle,
      deliveries,
      this.#reading.source,
      this.#options.log,
    );
    const settlements = batch.map((item, index) =>
      settlementOf(
        verdicts[index] ?? { kind: "requeue" },
        item.delivery.attempts,
        this.#options.retryDelaysMs,
      ),
    );
    if (settlements.every(({ action }) => action === "acknowledge")) {
      this.#faults = 0;
      this.#acknowledgeAll(batch);
      return;
    }
    const requeued: Item<D>[] = [];
    const replaced: Promise<void>[] = [];
    for (const [index, item] of batch.entries()) {
      const settlement = settlements[index] ?? { action: "requeue" };
      if (settlement.action === "acknowledge") this.#acknowledge(item);
      else if (settlement.action === "requeue") requeued.push(item);
      else replaced.push(this.#replace(item, settlement));
    }
    await Promise.all(replaced);
    this.#faults = requeued.length > 0 ? this.#faults + 1 : 0;
    // Given back at once, it would be here again at once.
    if (this.#faults > 0) await this.#pause(this.#faults);
    for (const item of requeued) this.#giveBack(item);
  }

  /** Acknowledges only when the replacement is confirmed. */
  async #replace(item: Item<D>, settlement: Replacement): Promise<void> {
    const { queue } = this.#spec;
    const failure = {
      ...settlement,
      at: new Date(),
      consumer: this.#options.consumer,
      firstSender: this.#options.senders.firstSender(item.message),
    };
    const properties = { ...republishProperties(item.message, failure), ...this.#options.signed };
    const handedOn =
      settlement.action === "wait"
        ? await this.#handOn(item, waitQueue(queue, settlement.delayMs), {
            ...properties,
            expiration: withJitter(settlement.delayMs),
          })
        : await this.#handOn(item, deadLetterQueue(queue), properties);
    if (!handedOn) {
      this.#giveBack(item);
      return;
    }
    if (settlement.action === "dead-letter")
      logDeadLetter(this.#options.log, queue, item.delivery, settlement);
    this.#acknowledge(item);
  }

  /** Publishes to a queue until confirmed; false when stopping or when the channel was lost. */
  async #handOn(item: Item<D>, target: string, properties: Options.Publish): Promise<boolean> {
    for (let refusals = 0; item.session === this.#session; refusals += 1) {
      const [outcome] = await item.session.confirms.publish([
        { exchange: "", routingKey: target, body: item.message.content, properties },
      ]);
      if (outcome?.status === "confirmed") return true;
      if (outcome === undefined || outcome.cause === "lost" || this.#stopping.signal.aborted) return false;
      this.#options.log.warn({ queue: target, reason: outcome.reason }, "RabbitMQ refuses a failed event");
      if (outcome.cause === "unroutable")
        await declareTopology(item.session.channel, [this.#spec], this.#options.retryDelaysMs).catch(
          () => {},
        );
      await this.#pause(refusals);
    }
    return false;
  }

  #pause(faults: number): Promise<void> {
    return pause(backoffMs(faults, faultPauseMinMs, faultPauseMaxMs), this.#stopping.signal);
  }

  #acknowledge(item: Item<D>): void {
    this.#onChannel(item, (channel) => channel.ack(item.message));
  }

  /** With one frame: batches are settled one after the other, so nothing older than the last item is unsettled. */
  #acknowledgeAll(batch: readonly Item<D>[]): void {
    const last = batch.at(-1);
    if (last !== undefined) this.#onChannel(last, (channel) => channel.ack(last.message, true));
  }

  #giveBack(item: Item<D>): void {
    this.#onChannel(item, (channel) => channel.nack(item.message, false, true));
  }

  /** A delivery of a channel that is gone needs nothing: the broker hands it out again. */
  #onChannel(item: Item<D>, act: (channel: ConfirmChannel) => void): void {
    if (item.session !== this.#session) return;
    try {
      act(item.session.channel);
    } catch (error) {
      this.#attachment.recycle((error as Error).message);
    }
  }
}

/** Reads over the link, which need not be connected. */
export const rabbitSubscription = <D extends Delivery>(
  link: Link,
  spec: QueueSpec,
  reading: Reading<D>,
  options: SubscriptionOptions,
): Subscription => new RabbitSubscription(link, spec, reading, options);
