/**
 * Promise: Moleculer's TCP transporter listens on the loopback interface alone, announces itself to nobody (no UDP), and
 * can be told of the one node to join. Who connects and says nothing is cut off.
 */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Transporters } from "moleculer";

const loopback = "127.0.0.1";

/** The parts of Moleculer's transporter that its types leave out. */
interface Internals {
  opts: { port: number | null };
  reader: {
    listen(): Promise<number>;
    server: Server;
    logger: object;
    onTcpClientConnected(socket: Socket): void;
  };
  logger: { warn(text: string): void };
  addOfflineNode(nodeId: string, host: string, port: number): void;
  sendGossipRequest(): void;
}

/** More than a machine has people at a prompt. */
const connectionsMax = 50;

export class LoopbackTcp extends Transporters.TCP {
  readonly #silenceMsMax: number;

  /** Whoever connects has `silenceMsMax` for its first packet; the subclass ends that time. */
  constructor(silenceMsMax: number) {
    super({ udpDiscovery: false, useHostname: false, gossipPeriod: 1 });
    this.#silenceMsMax = silenceMsMax;
  }

  /** Something came that is no packet. */
  refuse(reason: string): void {
    this.#internals.logger.warn(reason);
  }

  get #internals(): Internals {
    return this as unknown as Internals;
  }

  /** Known once connected. */
  get port(): number {
    return this.#internals.opts.port ?? 0;
  }

  /** Before it connects. */
  join(nodeId: string, port: number): void {
    this.#internals.addOfflineNode(nodeId, loopback, port);
  }

  override async connect(): Promise<void> {
    await super.connect();
    this.#internals.sendGossipRequest();
  }

  override startTcpServer(): Promise<void> {
    const internals = this.#internals;
    const silenceMsMax = this.#silenceMsMax;
    const refuse = (reason: string): void => this.refuse(reason);
    const started = super.startTcpServer;
    // The reader is made and started in one step; its `listen` takes no host, so ours is put in its place.
    Object.defineProperty(internals, "reader", {
      configurable: true,
      set(reader: Internals["reader"]) {
        reader.listen = () => listenOnLoopback(reader, internals.opts, silenceMsMax);
        // It tells each broken packet, with all of the error.
        reader.logger = { ...quiet, warn: (text: string) => refuse(text) };
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
}

const quiet = { info() {}, debug() {}, error() {} };

const listenOnLoopback = (
  reader: Internals["reader"],
  opts: Internals["opts"],
  silenceMsMax: number,
): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.setTimeout(silenceMsMax, () => socket.destroy());
      reader.onTcpClientConnected(socket);
    });
    server.maxConnections = connectionsMax;
    server.once("error", reject);
    server.listen({ host: loopback, port: 0 }, () => {
      const { port } = server.address() as AddressInfo;
      opts.port = port;
      reader.server = server;
      resolve(port);
    });
  });
