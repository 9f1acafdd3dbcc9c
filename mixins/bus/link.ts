/**
 * Promise: one connection to RabbitMQ that heals. Whoever attaches gets a fresh confirm channel each time the
 * connection is there, or the channel was lost, until they detach; absent at boot is the same case as lost later.
 *
 * amqplib gives up a connection and all its channels on any failure and tells so by `error` and `close` events, an
 * unhandled one of which would end the process; they are all handled here.
 */
import amqp, { type ChannelModel, type ConfirmChannel } from "amqplib";
import type { BrokerTls } from "../../services/contracts/broker-tls.ts";
import { aborted, backoffMs, pause, within } from "../basics/pause.ts";
import type { Logger } from "../log/logging.ts";
import { corkWrites, destroySocket } from "../patches/amqplib-socket.ts";
import { blockedText, brokerText } from "./broker-text.ts";
import { brokerSocket } from "./broker-tls.ts";
import { nodesOf } from "./nodes.ts";

const connectTimeoutMs = 3_000;
const reconnectMinMs = 100;
const reconnectMaxMs = 5_000;
/** What lived as long as this begins again with the shortest pause. */
const stableAfterMs = 10_000;
/** Opening a channel with its topology; a broker that takes longer is left and tried anew. */
const openTimeoutMs = 15_000;
const closeTimeoutMs = 2_000;

export interface ChannelUser {
  /** For log lines. */
  readonly name: string;
  /** Called with each fresh channel; when it rejects the channel is closed and a next one tried later. */
  open(channel: ConfirmChannel): Promise<void>;
  /** That channel is of no more use. */
  lost(): void;
  /** The broker has stopped reading from this connection, and why; `undefined`: it reads again. */
  blockedChanged?(reason: string | undefined): void;
}

export interface Attachment {
  /** Leaves the present channel for a fresh one. */
  recycle(reason: string): void;
  /** Resolves when the channel is closed. */
  detach(): Promise<void>;
}

export interface Link {
  start(): void;
  connected(): boolean;
  blocked(): boolean;
  /** What is wrong, in the broker's words: of the connection, else of the first channel that can't be opened. */
  fault(): string | undefined;
  attach(user: ChannelUser): Attachment;
  /** Detaches everyone. */
  close(): Promise<void>;
}

interface Attached {
  readonly user: ChannelUser;
  readonly detached: AbortController;
  recycled: AbortController;
  serving: Promise<void>;
  /** Why it has no channel; undefined while it has one. */
  fault: string | undefined;
}

/** The broker's words; else what amqplib says, which is only a consequence. */
const reasonOf = (error: unknown): string => brokerText(error) ?? (error as Error).message;

const quietly = (work: Promise<unknown>): Promise<void> =>
  within(closeTimeoutMs, "too late", work).then(
    () => {},
    () => {},
  );

const closeChannel = (channel: ConfirmChannel): Promise<void> =>
  // Throws inside the promise when the channel is closed already.
  quietly(Promise.resolve().then(() => channel.close()));

/** Uses one after the other until the signal, each as long as it lasts. `use` must not reject. */
async function renew(stop: AbortSignal, use: () => Promise<void>): Promise<void> {
  for (let failures = 0; !stop.aborted; ) {
    const since = Date.now();
    await use();
    failures = Date.now() - since > stableAfterMs ? 0 : failures + 1;
    await pause(backoffMs(failures, reconnectMinMs, reconnectMaxMs), stop);
  }
}

/** Serves one attached user on one connection until either ends; a lost channel is replaced. */
async function serve(
  attached: Attached,
  connection: ChannelModel,
  gone: AbortSignal,
  log: Logger,
): Promise<void> {
  const { user, detached } = attached;
  const stop = AbortSignal.any([gone, detached.signal]);
  await renew(stop, async () => {
    try {
      await useChannel(attached, connection, stop, log);
    } catch (error) {
      if (stop.aborted) return;
      attached.fault = brokerText(error) ?? attached.fault ?? (error as Error).message;
      log.warn({ channel: user.name, reason: attached.fault }, "RabbitMQ channel can't be opened");
    }
  });
}

async function useChannel(attached: Attached, connection: ChannelModel, stop: AbortSignal, log: Logger) {
  const { user } = attached;
  const channel = await within(
    openTimeoutMs,
    "the broker gives no channel",
    connection.createConfirmChannel(),
  ).catch((error: unknown) => {
    destroySocket(connection);
    throw error;
  });
  const closed = new AbortController();
  channel.on("error", (error: Error) => {
    attached.fault = reasonOf(error);
    log.warn({ channel: user.name, reason: attached.fault }, "RabbitMQ channel failed");
  });
  channel.once("close", () => closed.abort());
  attached.recycled = new AbortController();
  try {
    await within(openTimeoutMs, "the broker does not answer", user.open(channel));
    attached.fault = undefined;
    await aborted(AbortSignal.any([stop, closed.signal, attached.recycled.signal]));
  } finally {
    user.lost();
    if (!closed.signal.aborted) await closeChannel(channel);
  }
}

export interface LinkOptions {
  /** `;` separates the nodes of a cluster, tried in this order. */
  readonly url: string;
  readonly tls?: BrokerTls;
  /** Shown by the broker. */
  readonly connectionName: string;
  readonly log: Logger;
}

class RabbitLink implements Link {
  readonly #name: string;
  readonly #log: Logger;
  readonly #nodes: readonly string[];
  readonly #tls: BrokerTls;
  readonly #closing = new AbortController();
  readonly #everyone = new Set<Attached>();
  #current: { connection: ChannelModel; gone: AbortSignal } | undefined;
  #blocked: string | undefined;
  /** Why there is no connection; undefined while there is one. */
  #fault: string | undefined;
  #running: Promise<void> | undefined;

  constructor(options: LinkOptions) {
    this.#name = options.connectionName;
    this.#log = options.log;
    this.#nodes = nodesOf(options.url);
    this.#tls = options.tls ?? {};
  }

  start(): void {
    this.#running ??= this.#run();
  }

  connected(): boolean {
    return this.#current !== undefined;
  }

  blocked(): boolean {
    return this.#blocked !== undefined;
  }

  fault(): string | undefined {
    const channels = [...this.#everyone].map(({ fault }) => fault);
    return this.#blocked ?? this.#fault ?? channels.find((fault) => fault !== undefined);
  }

  attach(user: ChannelUser): Attachment {
    const attached: Attached = {
      user,
      detached: new AbortController(),
      recycled: new AbortController(),
      serving: Promise.resolve(),
      fault: undefined,
    };
    this.#everyone.add(attached);
    if (this.#current) this.#serve(attached, this.#current.connection, this.#current.gone);
    return {
      recycle: (reason) => {
        if (!attached.recycled.signal.aborted)
          this.#log.warn({ channel: user.name, reason }, "RabbitMQ channel is replaced");
        attached.recycled.abort();
      },
      detach: async () => {
        attached.detached.abort();
        await attached.serving;
        this.#everyone.delete(attached);
      },
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const { detached } of this.#everyone) detached.abort();
    await this.#running;
  }

  #serve(attached: Attached, connection: ChannelModel, gone: AbortSignal): void {
    attached.serving = serve(attached, connection, gone, this.#log);
  }

  async #run(): Promise<void> {
    let turn = 0;
    await renew(this.#closing.signal, async () => {
      const node = this.#nodes[turn % this.#nodes.length] ?? "";
      turn += 1;
      try {
        await this.#useConnection(node);
        if (!this.#closing.signal.aborted)
          this.#log.warn({ connection: this.#name, reason: this.#fault }, "RabbitMQ connection lost");
      } catch (error) {
        this.#fault = reasonOf(error);
        this.#log.warn({ connection: this.#name, reason: this.#fault }, "RabbitMQ can't be reached");
      }
    });
  }

  /** Resolves when the connection is over; rejects when there was none. */
  async #useConnection(node: string): Promise<void> {
    const connection = await amqp.connect(node, {
      ...brokerSocket(this.#tls, node),
      noDelay: true,
      timeout: connectTimeoutMs,
      clientProperties: { connection_name: this.#name },
    });
    corkWrites(connection);
    const gone = new AbortController();
    this.#fault = undefined;
    connection.on("error", (error: Error) =>
      this.#log.warn({ connection: this.#name, reason: reasonOf(error) }, "RabbitMQ connection failed"),
    );
    connection.once("close", (error: unknown) => {
      this.#fault = error instanceof Error ? reasonOf(error) : "the connection was closed";
      gone.abort();
    });
    connection.on("blocked", (reason: string) => this.#setBlocked(blockedText(reason)));
    connection.on("unblocked", () => this.#setBlocked(undefined));
    this.#log.info({ connection: this.#name }, "Connected to RabbitMQ");
    this.#current = { connection, gone: gone.signal };
    for (const attached of this.#everyone) this.#serve(attached, connection, gone.signal);
    await aborted(AbortSignal.any([gone.signal, this.#closing.signal]));
    this.#current = undefined;
    await Promise.all([...this.#everyone].map(({ serving }) => serving));
    this.#setBlocked(undefined);
    if (!gone.signal.aborted) await quietly(connection.close());
    destroySocket(connection);
  }

  #setBlocked(reason: string | undefined): void {
    if (this.#blocked === reason) return;
    this.#blocked = reason;
    if (reason !== undefined)
      this.#log.warn({ connection: this.#name, reason }, "RabbitMQ blocks publishers");
    else this.#log.info({ connection: this.#name }, "RabbitMQ takes messages again");
    for (const { user } of this.#everyone) user.blockedChanged?.(reason);
  }
}

/** Begins to connect with `start`. */
export const rabbitLink = (options: LinkOptions): Link => new RabbitLink(options);
