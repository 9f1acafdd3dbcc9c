/**
 * Promise: calls, and their answers, that leave for one node in the same turn of the event loop travel as one message,
 * in order; one that leaves alone travels at once, as Moleculer would send it. Each still succeeds or fails by itself.
 *
 * Moleculer's AMQP transporter sends a message a packet. A create is four of them, which under load was most of what
 * RabbitMQ did and a third of what our processes did (docs/performance.md). Nothing is gained by acknowledging them
 * either: whoever called waits for an answer, not for a delivery, and a request that comes again after its caller has
 * given up is refused (lateness.ts). So they are not.
 */
import { Transporters } from "moleculer";
import { corkWrites } from "./bus/corked.ts";
import { PassingMap } from "./passing-map.ts";

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

/** Moleculer's types leave out `socketOptions`. */
type AmqpOptions = Exclude<ConstructorParameters<typeof Transporters.AMQP>[0], string | undefined> & {
  readonly socketOptions: { readonly noDelay: boolean; readonly timeout: number };
};

interface Prefetching {
  prefetch(count: number): Promise<unknown>;
}

interface Turn {
  readonly packets: Map<string, { readonly meta: SendMeta; readonly data: Buffer[] }>;
  /** Rejects when the channel is gone, as sending one by one does. */
  readonly sent: Promise<void>;
}

export class CallTransporter extends Transporters.AMQP {
  #turn: Turn | undefined;

  constructor(options: AmqpOptions) {
    super({ ...options, consumeOptions: { noAck: true } });
    let channel: Prefetching | null = null;
    Object.defineProperty(this, "channel", {
      get: () => channel,
      set(opened: Prefetching | null) {
        // Of what is not acknowledged none is prefetched. Moleculer sets it all the same, and leaves the promise of it
        // to nobody: it rejected when the connection was lost at that moment, which ended the process.
        if (opened !== null) opened.prefetch = () => Promise.resolve();
        channel = opened;
      },
    });
  }

  override init(...told: Parameters<Transporters.AMQP["init"]>): void {
    super.init(...told);
    // Moleculer's own is a Map: every call of a busy node, with all that hangs on it, would wait for a collection.
    const [transit] = told;
    transit.pendingRequests = new PassingMap<string, object>() as unknown as typeof transit.pendingRequests;
  }

  override async connect(...told: Parameters<Transporters.AMQP["connect"]>): Promise<void> {
    await super.connect(...told);
    if (this.connection !== null) corkWrites(this.connection);
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

  /** Everything is consumed without acknowledgement, so nothing may be acknowledged. */
  override _consumeCB(command: string): ReturnType<Transporters.AMQP["_consumeCB"]> {
    return super._consumeCB(command, false);
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
