/**
 * Promise: Moleculer's AMQP transporter acknowledges nothing, leaves no promise to nobody, keeps the calls under way where
 * they are garbage once they are answered, and stays connected as long as one node of RabbitMQ takes it.
 *
 * Its queues would be durable, and one of a RabbitMQ node that is gone can't be declared at another; ours go with their
 * connection. It would connect again after 5 s, whatever happened; and never when only its channel or a queue was closed,
 * but drop whatever is sent from then on: the process was mute until somebody restarted it.
 */
import type { EventEmitter } from "node:events";
import type { ChannelModel } from "amqplib";
import { Transporters } from "moleculer";
import { PassingMap } from "../basics/passing-map.ts";
import { aborted, backoffMs, pause, within } from "../basics/pause.ts";
import { destroySocket } from "./amqplib-socket.ts";

/** Opening a channel with its queues; a broker that takes longer is left for the next one. */
const openTimeoutMs = 10_000;
const reconnectMinMs = 100;
const reconnectMaxMs = 1_000;

/** The queues that a process of release 0.1 has left under our id, durable as they were. */
const formerlyDurable = ["REQ", "RES", "EVENT"] as const;

/** Moleculer's types leave out `socketOptions`. */
export type AmqpOptions = Exclude<ConstructorParameters<typeof Transporters.AMQP>[0], string | undefined> & {
  readonly socketOptions: { readonly noDelay: boolean; readonly timeout: number; readonly ca?: string };
};

interface OpenedChannel extends EventEmitter {
  prefetch(count: number): Promise<unknown>;
}

/** What arrives, as amqplib hands it out. */
interface ArrivedMessage {
  readonly content: Buffer;
  readonly properties: { readonly userId?: string };
}

/** What found no queue, as amqplib gives it back. */
export interface ReturnedMessage {
  readonly content: Buffer;
  /** The name of the queue that there is none of. */
  readonly fields: { readonly routingKey: string };
  readonly properties: { readonly headers?: Record<string, unknown> };
}

export abstract class TransientAmqp extends Transporters.AMQP {
  #hasCleared = false;
  /** Moleculer hands on nothing but the content of a message. */
  readonly #senders = new WeakMap<Buffer, string>();
  readonly #closing = new AbortController();
  protected readonly closing = this.#closing.signal;

  constructor(options: AmqpOptions) {
    super({
      ...options,
      autoDeleteQueues: false,
      queueOptions: { durable: false, autoDelete: true, exclusive: true },
      consumeOptions: { noAck: true },
      messageOptions: { ...options.messageOptions, mandatory: true },
    });
    let channel: OpenedChannel | null = null;
    Object.defineProperty(this, "channel", {
      get: () => channel,
      set: (opened: OpenedChannel | null) => {
        // Of what is not acknowledged none is prefetched. Moleculer sets it all the same, and leaves the promise of it
        // to nobody: it rejected when the connection was lost at that moment, which ended the process.
        if (opened !== null) {
          opened.prefetch = () => Promise.resolve();
          this.follow(opened);
        }
        channel = opened;
      },
    });
  }

  /** Why it is not connected, or no more. */
  protected abstract noteFault(error: unknown): void;
  /** It is connected. */
  protected abstract opened(connection: ChannelModel): void;
  /** It is not, and about to try the next node. */
  protected abstract lost(): void;
  protected abstract returned(message: ReturnedMessage): void;

  override init(...told: Parameters<Transporters.AMQP["init"]>): void {
    super.init(...told);
    const [transit] = told;
    // Moleculer's own is a Map: every call of a busy node, with all that hangs on it, would wait for a collection.
    transit.pendingRequests = new PassingMap<string, object>() as unknown as typeof transit.pendingRequests;
    transit.opts = { ...transit.opts, disableReconnect: true };
  }

  /** Resolves when it is connected for the first time. */
  override connect(): Promise<void> {
    return new Promise((resolve) => void this.#stayConnected(resolve));
  }

  override async disconnect(): Promise<void> {
    await super.disconnect();
    this.#closing.abort();
  }

  override async makeSubscriptions(
    topics: Parameters<Transporters.AMQP["makeSubscriptions"]>[0],
  ): Promise<void> {
    if (!this.#hasCleared) await this.#clear();
    this.#hasCleared = true;
    await super.makeSubscriptions(topics);
  }

  /** Everything is consumed without acknowledgement, so nothing may be acknowledged. */
  override _consumeCB(command: string): ReturnType<Transporters.AMQP["_consumeCB"]> {
    const receive = super._consumeCB(command, false);
    return (message: ArrivedMessage | null) => {
      if (message !== null) {
        const { userId } = message.properties;
        if (userId !== undefined) this.#senders.set(message.content, userId);
        return receive(message);
      }
      this.noteFault(new Error("a queue of ours is gone"));
      this.giveUp();
    };
  }

  /** Whom the broker vouches for as its sender, once; undefined: for nobody. */
  protected takeSender(content: Buffer): string | undefined {
    const sender = this.#senders.get(content);
    // What a WeakMap holds survives until the whole heap is collected.
    this.#senders.delete(content);
    return sender;
  }

  /** Leaves the connection for the one at the next node. */
  protected giveUp(): void {
    if (this.connection !== null) destroySocket(this.connection as ChannelModel);
  }

  async #stayConnected(opened: () => void): Promise<void> {
    for (let failures = 0; !this.closing.aborted; failures += 1) {
      const lost = new AbortController();
      try {
        await this.#open(lost);
        failures = 0;
        opened();
        await aborted(AbortSignal.any([lost.signal, this.closing]));
      } catch (error) {
        this.noteFault(error);
        this.giveUp();
      }
      if (this.closing.aborted) break;
      this.lost();
      await pause(backoffMs(failures, reconnectMinMs, reconnectMaxMs), this.closing);
    }
    // It may have come while we were leaving.
    this.giveUp();
  }

  async #open(lost: AbortController): Promise<void> {
    const connect = super.connect as (lost: (error: unknown) => void) => Promise<void>;
    const opening = connect.call(this, (error) => {
      this.noteFault(error);
      lost.abort();
    });
    await within(openTimeoutMs, "the server does not answer", opening);
    this.opened(this.connection as ChannelModel);
  }

  protected follow(channel: OpenedChannel): void {
    const connection = this.connection as ChannelModel | null;
    channel.once("error", (error: unknown) => this.noteFault(error));
    channel.once("close", () => {
      // Not yet when the channel goes with its connection: that one is just closing.
      if (!this.channelDisconnecting) setImmediate(() => connection?.close().catch(() => {}));
    });
    // Behind Moleculer's own listener, which would log whole messages.
    queueMicrotask(() => {
      channel.removeAllListeners("return");
      channel.on("return", (message: ReturnedMessage) => this.returned(message));
    });
  }

  /** Deletes what would keep us from declaring our queues; on a channel of its own, which RabbitMQ closes on a refusal. */
  async #clear(): Promise<void> {
    const channel = await (this.connection as ChannelModel).createChannel();
    channel.on("error", () => {});
    try {
      for (const command of formerlyDurable)
        await channel.deleteQueue(this.getTopicName(command, this.nodeID), { ifUnused: true });
      await channel.close();
    } catch {
      // In use or locked: another process has our id, which RabbitMQ says once more when we declare it.
    }
  }
}
