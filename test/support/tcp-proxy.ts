/**
 * A TCP proxy on loopback in front of a server that other tests use too: a test can take the network away from one
 * client alone. `refuse` and `accept` are the server that is absent, `cut` the connection that breaks, `freeze` and
 * `thaw` the network that swallows everything without a word.
 */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { Transform } from "node:stream";
import { authorityOf } from "../../services/contracts/host.ts";

export interface TcpProxy {
  readonly port: number;
  /** The same URL by way of the proxy. */
  through(url: string): string;
  /** How many connections pass through it now. */
  connections(): number;
  /** Breaks every connection. */
  cut(): void;
  /** Breaks every connection and refuses new ones. */
  refuse(): Promise<void>;
  /** Takes connections again. */
  accept(): Promise<void>;
  /** Keeps the connections open and moves nothing, either way, on old and new ones. */
  freeze(): void;
  thaw(): void;
  /** Lets the connections that are open now fall silent for good; new ones work. */
  silence(): void;
  /** Holds back each piece of data for so long, either way, on old and new connections; 0 is no delay. */
  slow(delayMs: number): void;
  /** Says something to every client in the server's name; only between two of its own messages. */
  sayToClients(bytes: Buffer): void;
  /** New connections go to the host and port of that URL. */
  leadTo(url: string): void;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly up: Transform;
  readonly down: Transform;
}

const each = ({ client, server }: Pair, act: (socket: Socket) => void): void => {
  act(client);
  act(server);
};

/** One direction of a line; pieces keep their order, because the next waits until this one has gone. */
const lineOf = (delayMs: () => number): Transform =>
  new Transform({
    transform(chunk, _encoding, done) {
      const ms = delayMs();
      if (ms === 0) done(null, chunk);
      else setTimeout(() => done(null, chunk), ms).unref();
    },
  });

const flow = ({ client, server, up, down }: Pair): void => {
  client.pipe(up);
  server.pipe(down);
};

const hold = ({ client, server, up, down }: Pair): void => {
  client.unpipe(up).pause();
  server.unpipe(down).pause();
};

async function listen(server: Server, host: string, port: number): Promise<number> {
  server.listen(port, host);
  await once(server, "listening");
  return (server.address() as { port: number }).port;
}

/** Listens on a free port of `host`, in front of `host:port` of the URL. */
export async function tcpProxy(targetUrl: string, defaultPort = 5672, host = "127.0.0.1"): Promise<TcpProxy> {
  let target = new URL(targetUrl);
  const pairs = new Set<Pair>();
  let frozen = false;
  let delayMs = 0;

  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({
      host: target.hostname,
      port: Number(target.port) || defaultPort,
      noDelay: true,
    });
    const line = () => lineOf(() => delayMs);
    const pair: Pair = { client, server: upstream, up: line(), down: line() };
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      each(pair, (socket) => socket.destroy());
    };
    each(pair, (socket) => socket.on("error", end).on("close", end));
    pair.up.pipe(upstream);
    pair.down.pipe(client);
    if (frozen) hold(pair);
    else flow(pair);
  });
  const port = await listen(server, host, 0);

  const cut = () => {
    for (const pair of [...pairs]) each(pair, (socket) => socket.destroy());
    pairs.clear();
  };
  const refuse = async () => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    cut();
    await closed;
  };
  return {
    port,
    through(url) {
      const changed = new URL(url);
      changed.host = authorityOf(host, port);
      return changed.href;
    },
    connections: () => pairs.size,
    cut,
    refuse,
    async accept() {
      if (!server.listening) await listen(server, host, port);
    },
    freeze() {
      frozen = true;
      for (const pair of pairs) hold(pair);
    },
    thaw() {
      frozen = false;
      for (const pair of pairs) flow(pair);
    },
    silence() {
      for (const pair of pairs) hold(pair);
    },
    slow(ms) {
      delayMs = ms;
    },
    sayToClients(bytes) {
      for (const { client } of pairs) client.write(bytes);
    },
    leadTo(url) {
      target = new URL(url);
    },
    close: refuse,
  };
}
