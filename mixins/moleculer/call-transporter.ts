/**
 * Promise: calls, and their answers, that leave for one node in the same turn of the event loop travel as one message,
 * in order; one that leaves alone travels at once, as Moleculer would send it. Each still succeeds or fails by itself.
 *
 * Moleculer's AMQP transporter sends a message a packet. A create is four of them, which under load was most of what
 * RabbitMQ did and a third of what our processes did (docs/performance.md). Nothing is gained by acknowledging them
 * either: whoever called waits for an answer, not for a delivery, and a request that comes again after its caller has
 * given up is refused (lateness.ts). So they are not.
 */
import type { EventEmitter } from "node:events";
import { blockedText, brokerText } from "../bus/broker-text.ts";
import { notConnected } from "../bus/check.ts";
import { corkWrites } from "../patches/amqplib-socket.ts";
import { UnacknowledgedAmqp } from "../patches/moleculer-amqp.ts";

/** A frame begins with a byte that no JSON begins with; then each packet with its length before it. */
const frameMark = 0;
const lengthBytes = 4;
const packetsMax = 128;

type Packet = { readonly type: string; readonly target?: string | null };
type SendMeta = { readonly packet: Packet; readonly balanced?: boolean };

export function frameOf(packets: readonly Buffer[]): Buffer {
  const parts = packets.flatMap((packet) => {
    const length = Buffer.allocUnsafe(lengthBytes);
    length.writeUInt32BE(packet.length);
    return [length, packet];
  });
  return Buffer.concat([Buffer.of(frameMark), ...parts]);
}

/** The packets of a frame, or the one packet that it is. Throws RangeError when a frame is cut short. */
export function packetsOf(message: Buffer): Buffer[] {
  if (message[0] !== frameMark) return [message];
  const packets: Buffer[] = [];
  for (let at = 1; at < message.length; ) {
    const from = at + lengthBytes;
    const end = from + message.readUInt32BE(at);
    if (end > message.length) throw new RangeError("Cannot read a frame: it is cut short");
    packets.push(message.subarray(from, end));
    at = end;
  }
  return packets;
}

/** How Moleculer learns that a connection which was open is lost; its types leave it out. */
type Lost = (error: unknown) => void;

interface Turn {
  readonly packets: Map<string, { readonly meta: SendMeta; readonly data: Buffer[] }>;
  /** Rejects when the channel is gone, as sending one by one does. */
  readonly sent: Promise<void>;
}

export class CallTransporter extends UnacknowledgedAmqp {
  #turn: Turn | undefined;
  /** In the broker's words; undefined while all is well. */
  #fault: string | undefined;

  override async connect(...told: unknown[]): Promise<void> {
    const [lost] = told as [Lost];
    const connect = super.connect as (lost: Lost) => Promise<void>;
    try {
      await connect.call(this, (error) => {
        this.#noteFault(error);
        lost(error);
      });
    } catch (error) {
      this.#noteFault(error);
      throw error;
    }
    this.#fault = undefined;
    if (this.connection === null) return;
    corkWrites(this.connection);
    const connection = this.connection as unknown as EventEmitter;
    connection.on("blocked", (reason: string) => {
      this.#fault = blockedText(reason);
    });
    connection.on("unblocked", () => {
      this.#fault = undefined;
    });
  }

  /** Throws, in the broker's words, when calls can't leave or arrive. */
  check(): void {
    // `transit.connected` stays true when the connection is lost; the transporter's own flag does not.
    if (!this.connected || this.channel === null) throw new Error(notConnected(this.#fault));
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
    try {
      await Promise.all(packetsOf(message).map((packet) => super.incomingMessage(command, packet)));
    } catch (error) {
      this.logger.warn("A packet could not be handled", error);
    }
  }

  #noteFault(error: unknown): void {
    this.#fault = brokerText(error) ?? this.#fault ?? "the connection was closed";
  }

  protected override follow(channel: EventEmitter): void {
    channel.once("error", (error: unknown) => this.#noteFault(error));
    super.follow(channel);
  }

  #beginTurn(): Turn {
    const packets: Turn["packets"] = new Map();
    const sent = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#turn = undefined;
      for (const [topic, { meta, data }] of packets)
        for (let from = 0; from < data.length; from += packetsMax) {
          const part = data.slice(from, from + packetsMax);
          void super.send(topic, part.length === 1 ? (part[0] as Buffer) : frameOf(part), meta);
        }
    });
    return { packets, sent };
  }
}
