/**
 * Promise: the REPL joins an embedded system, and only someone who may read its data folder can: every packet begins with
 * the secret of the lock file. Who does not know it is cut off at the first packet, or after some seconds without one, and
 * leaves one line a minute in the log, however often it comes.
 */
import { timingSafeEqual } from "node:crypto";
import type { Socket } from "node:net";
import type { Transporters } from "moleculer";
import { LoopbackTcp } from "../../mixins/patches/moleculer-tcp.ts";
import type { ReplDoor } from "./data-folder.ts";

const silenceMsMax = 5_000;
const lineEveryMs = 60_000;

export class LoopbackTransporter extends LoopbackTcp {
  readonly #secret: Buffer;
  readonly #door: ReplDoor | undefined;
  #toldAtMs = Number.NEGATIVE_INFINITY;

  /** With a door it joins the system behind it; without, it waits for others. */
  constructor(secret: string, door?: ReplDoor) {
    super(silenceMsMax);
    this.#secret = Buffer.from(secret);
    this.#door = door;
  }

  override connect(): Promise<void> {
    if (this.#door !== undefined) this.join(this.#door.nodeId, this.#door.port);
    return super.connect();
  }

  override serialize(packet: Parameters<Transporters.TCP["serialize"]>[0]): Buffer {
    return Buffer.concat([this.#secret, super.serialize(packet)]);
  }

  override onIncomingMessage(type: string, message: Buffer, socket: Socket): void | Promise<void> {
    if (this.#begins(message)) {
      socket.setTimeout(0);
      return super.onIncomingMessage(type, message, socket);
    }
    socket.destroy();
    this.refuse("Cannot let somebody in by the door of the REPL: the secret of the data folder is missing");
    return undefined;
  }

  /** The parser has given the packet up, or nothing has come. */
  override refuse(reason: string): void {
    const nowMs = performance.now();
    if (nowMs - this.#toldAtMs < lineEveryMs) return;
    this.#toldAtMs = nowMs;
    this.logger.warn(reason);
  }

  override deserialize(type: string, data: Buffer): ReturnType<Transporters.TCP["deserialize"]> {
    if (!this.#begins(data))
      throw new Error("Cannot read a packet: its sender does not know the secret of the data folder");
    return super.deserialize(type, data.subarray(this.#secret.length));
  }

  #begins(data: Buffer): boolean {
    const size = this.#secret.length;
    return data.length >= size && timingSafeEqual(data.subarray(0, size), this.#secret);
  }
}
