/**
 * Promise: the REPL joins an embedded system, and only someone who may read its data folder can.
 *
 * Moleculer's own TCP transporter, with three changes: it listens on the loopback interface alone, it announces
 * itself to nobody (no UDP), and every packet begins with the secret of the lock file.
 */
import { timingSafeEqual } from "node:crypto";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Transporters } from "moleculer";
import type { ReplDoor } from "./data-folder.ts";

const loopback = "127.0.0.1";

/** The parts of Moleculer's transporter that its types leave out. */
interface Internals {
  opts: { port: number | null };
  reader: { listen(): Promise<number>; server: Server; onTcpClientConnected(socket: Socket): void };
  addOfflineNode(nodeId: string, host: string, port: number): void;
  sendGossipRequest(): void;
}

export class LoopbackTransporter extends Transporters.TCP {
  readonly #secret: Buffer;
  readonly #door: ReplDoor | undefined;

  /** With a door it joins the system behind it; without, it waits for others. */
  constructor(secret: string, door?: ReplDoor) {
    super({ udpDiscovery: false, useHostname: false, gossipPeriod: 1 });
    this.#secret = Buffer.from(secret);
    this.#door = door;
  }

  /** Known once connected. */
  get port(): number {
    return (this as unknown as Internals).opts.port ?? 0;
  }

  override async connect(): Promise<void> {
    const internals = this as unknown as Internals;
    if (this.#door !== undefined) internals.addOfflineNode(this.#door.nodeId, loopback, this.#door.port);
    await super.connect();
    internals.sendGossipRequest();
  }

  override startTcpServer(): Promise<void> {
    const internals = this as unknown as Internals;
    const started = super.startTcpServer;
    // The reader is made and started in one step; its `listen` takes no host, so ours is put in its place.
    Object.defineProperty(internals, "reader", {
      configurable: true,
      set(reader: Internals["reader"]) {
        reader.listen = () => listenOnLoopback(reader, internals.opts);
        Object.defineProperty(internals, "reader", { value: reader, writable: true, configurable: true });
      },
    });
    return started.call(this);
  }

  override startUdpServer(): Promise<void> {
    return Promise.resolve();
  }

  override getNodeAddress(): string {
    return loopback;
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

const listenOnLoopback = (reader: Internals["reader"], opts: Internals["opts"]): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => reader.onTcpClientConnected(socket));
    server.once("error", reject);
    server.listen({ host: loopback, port: 0 }, () => {
      const { port } = server.address() as AddressInfo;
      opts.port = port;
      reader.server = server;
      resolve(port);
    });
  });
