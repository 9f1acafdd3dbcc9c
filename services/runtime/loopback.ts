/**
 * Promise: the REPL joins an embedded system, and only someone who may read its data folder can: every packet begins with
 * the secret of the lock file.
 */
import { timingSafeEqual } from "node:crypto";
import type { Transporters } from "moleculer";
import { LoopbackTcp } from "../../mixins/patches/moleculer-tcp.ts";
import type { ReplDoor } from "./data-folder.ts";

export class LoopbackTransporter extends LoopbackTcp {
  readonly #secret: Buffer;
  readonly #door: ReplDoor | undefined;

  /** With a door it joins the system behind it; without, it waits for others. */
  constructor(secret: string, door?: ReplDoor) {
    super();
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

  override deserialize(type: string, data: Buffer): ReturnType<Transporters.TCP["deserialize"]> {
    const size = this.#secret.length;
    if (data.length < size || !timingSafeEqual(data.subarray(0, size), this.#secret))
      throw new Error("Cannot read a packet: its sender does not know the secret of the data folder");
    return super.deserialize(type, data.subarray(size));
  }
}
