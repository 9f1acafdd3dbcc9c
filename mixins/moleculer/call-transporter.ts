/**
 * Promise: calls, and their answers, that leave for one node in the same turn of the event loop travel as one message,
 * in order; one that leaves alone travels at once, as Moleculer would send it. Each still succeeds or fails by itself.
 * Calls live as long as RabbitMQ has one node: a process that loses its own, or hears nothing through it, goes on at the
 * next one. What finds no queue comes back (returned-calls.ts; ADR 0032).
 *
 * Moleculer's AMQP transporter sends a message a packet. A create is four of them, which under load was most of what
 * RabbitMQ did and a third of what our processes did (docs/performance.md). Nothing is gained by acknowledging them
 * either: whoever called waits for an answer, not for a delivery, and a request that comes again after its caller has
 * given up is refused (lateness.ts). So they are not.
 */
import type { ChannelModel } from "amqplib";
import { TimeoutError } from "../basics/pause.ts";
import { type Silence, silence } from "../basics/silence.ts";
import { blockedText, brokerText } from "../bus/broker-text.ts";
import { disconnectionText } from "../bus/bus-check.ts";
import { corkWrites } from "../patches/amqplib-socket.ts";
import { type AmqpOptions, type ReturnedMessage, TransientAmqp } from "../patches/moleculer-amqp.ts";
import { adviceFor } from "./call-advice.ts";
import { frameOf, packetsMax, packetsOf, readsFrames } from "./call-frames.ts";
import { type Sender, takeBack } from "./returned-calls.ts";

/** A ping to itself through RabbitMQ each second; a node that has not brought one for longer than this is left. */
const silenceLimits = { lookMs: 1_000, silentMs: 4_000 };
const silentText = "the server fell silent (our own ping did not come back)";

type Packet = { readonly type: string; readonly target?: string | null };
type SendMeta = { readonly packet: Packet; readonly balanced?: boolean };

interface Turn {
  readonly packets: Map<string, { readonly meta: SendMeta; readonly data: Buffer[] }>;
  /** Rejects when the channel is gone, as sending one by one does. */
  readonly sent: Promise<void>;
}

/** Why a packet of this sender's is not believed; undefined: it is. */
export type Doubt = (user: string | undefined, command: string, payload: unknown) => string | undefined;

export class CallTransporter extends TransientAmqp {
  readonly #doubt: Doubt | undefined;
  #turn: Turn | undefined;
  /** In the broker's words; undefined while all is well. */
  #fault: string | undefined;
  #isBlocked = false;
  #silence: Silence | undefined;

  /** Without `doubt` whatever arrives is believed. */
  constructor(options: AmqpOptions, doubt?: Doubt) {
    super(options);
    this.#doubt = doubt;
  }

  /** Throws, in the broker's words, when calls can't leave or arrive. */
  check(): void {
    // `transit.connected` stays true when the connection is lost; the transporter's own flag does not.
    if (!this.connected || this.channel === null) throw new Error(disconnectionText(this.#fault));
    if (this.#fault !== undefined) throw new Error(this.#fault);
  }

  override send(topic: string, data: Buffer, meta: SendMeta): Promise<void> {
    const { type, target } = meta.packet;
    const isCall = type === "REQ" || type === "RES";
    if (!isCall || target == null) return super.send(topic, data, meta);
    const turn = this.#turn ?? this.#beginTurn();
    this.#turn = turn;
    const waiting = turn.packets.get(topic);
    if (waiting === undefined) turn.packets.set(topic, { meta, data: [data] });
    else waiting.data.push(data);
    return turn.sent;
  }

  override async incomingMessage(command: string, message: Buffer): Promise<void> {
    this.#silence?.heard(performance.now());
    const sender = this.takeSender(message);
    try {
      await Promise.all(packetsOf(message).map((packet) => this.#receive(command, packet, sender)));
    } catch (error) {
      this.logger.warn("A packet could not be handled", error);
    }
  }

  async #receive(command: string, packet: Buffer, sender: string | undefined): Promise<void> {
    if (this.#doubt === undefined) return super.incomingMessage(command, packet);
    const read = this.deserialize(command, packet);
    if (this.#doubt(sender, command, read.payload) === undefined)
      await this.transit.messageHandler(command, read);
  }

  protected override noteFault(error: unknown): void {
    const own = error instanceof TimeoutError ? error.message : brokerText(error);
    this.#fault =
      own ?? this.#fault ?? (error instanceof Error ? error.message : "the connection was closed");
  }

  protected override lost(): void {
    const advice = adviceFor(this.#fault, this.nodeID);
    this.logger.warn("RabbitMQ does not carry our calls", { reason: this.#fault, ...advice });
  }

  protected override opened(connection: ChannelModel): void {
    this.#fault = undefined;
    this.#isBlocked = false;
    corkWrites(connection);
    connection.on("blocked", (reason: string) => {
      this.#fault = blockedText(reason);
      this.#isBlocked = true;
    });
    connection.on("unblocked", () => {
      this.#fault = undefined;
      this.#isBlocked = false;
    });
    this.#listen(connection);
  }

  protected override returned(message: ReturnedMessage): void {
    void takeBack(this.#sender(), message);
  }

  /** Heartbeats alone would tell after 8 to 12 s, and of a RabbitMQ that still sends them but routes nothing never. */
  #listen(connection: ChannelModel): void {
    const listener = silence(silenceLimits, performance.now());
    this.#silence = listener;
    const timer = setInterval(() => {
      // While it blocks publishers it does not read our pings either.
      if (this.#isBlocked) listener.heard(performance.now());
      if (listener.look(performance.now())) {
        this.#fault = silentText;
        this.giveUp();
      } else if (this.connected && !this.transit.disconnecting) void this.transit.sendPing(this.nodeID);
    }, silenceLimits.lookMs);
    connection.once("close", () => clearInterval(timer));
  }

  #sender(): Sender {
    const { transit } = this;
    return {
      prefix: this.prefix,
      closing: this.closing,
      idOf: (packet) => (this.deserialize("REQ", packet).payload as { readonly id: string }).id,
      take(id) {
        const call = transit.pendingRequests.get(id);
        transit.removePendingRequest(id);
        return call as ReturnType<Sender["take"]>;
      },
      send: (queue, content, headers) =>
        this.channel?.sendToQueue(queue, content, { ...this.opts.messageOptions, headers }),
    };
  }

  #beginTurn(): Turn {
    const packets: Turn["packets"] = new Map();
    const sent = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#turn = undefined;
      for (const [topic, { meta, data }] of packets) {
        const partMax = readsFrames(this.#metadataOf(meta.packet.target)) ? packetsMax : 1;
        for (let from = 0; from < data.length; from += partMax) {
          const part = data.slice(from, from + partMax);
          void super.send(topic, part.length === 1 ? (part[0] as Buffer) : frameOf(part), meta);
        }
      }
    });
    return { packets, sent };
  }

  #metadataOf(nodeID: string | null | undefined): unknown {
    const { nodes } = this.broker.registry as unknown as {
      readonly nodes: { get(id: string): { readonly metadata: unknown } | undefined };
    };
    return nodes.get(nodeID ?? "")?.metadata;
  }
}
