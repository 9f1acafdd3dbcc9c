/**
 * The HTTP server itself: moleculer-web only handles its requests, because moleculer-web's own server ends the process
 * on a busy port, has no bound on headers, and waits for ever on an open connection when it stops.
 *
 * Promise: once `close` is called no new connection is accepted and answers in flight have `drainMs` to finish; what is
 * open then is cut, and it resolves. No address has more than its share of the connections, and none is idle for long
 * while they are scarce.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { PassingMap } from "../../../mixins/basics/passing-map.ts";
import { listenError } from "../../../mixins/basics/ports.ts";
import { parserRefusal } from "../../../mixins/http/host-guard.ts";
import { HttpProblem } from "../problems/problems.ts";
import type { AddressLimits } from "./addresses.ts";
import type { GatewayLimits } from "./limits.ts";

export interface HttpServer {
  /** Rejects with one sentence that names the setting when the address can't be had. */
  listen(host: string, port: number): Promise<AddressInfo>;
  /** It goes on, but no connection outlives its next answer: who comes back goes elsewhere. */
  retire(): void;
  close(): Promise<void>;
  readonly closing: boolean;
}

export interface ServerHandlers {
  readonly request: (req: IncomingMessage, res: ServerResponse) => Promise<void>;
  /** The request can't be parsed any further; `res` is the answer under way, if there is one. */
  readonly malformed: (problem: HttpProblem, socket: Duplex, res: ServerResponse | undefined) => void;
}

function parserProblem(code: string | undefined): HttpProblem {
  const { slug, detail } = parserRefusal(code);
  return new HttpProblem(slug, detail);
}

interface ServerOptions {
  readonly limits: GatewayLimits;
  readonly addresses: Pick<AddressLimits, "connection">;
}

/** Keeps an address to its share of the connections, and idle ones no longer than there is room for them. */
function boundConnections(server: Server, { limits, addresses }: ServerOptions): void {
  let open = 0;
  const keep = (): void => {
    const isBusy = open > limits.connectionsMax / 2;
    server.keepAliveTimeout = isBusy ? limits.keepAliveTimeoutBusyMs : limits.keepAliveTimeoutMs;
  };
  server.maxConnections = limits.connectionsMax;
  server.timeout = limits.stallTimeoutMs;
  keep();
  server.on("connection", (socket) => {
    const leave = addresses.connection(socket.remoteAddress ?? "");
    if (leave === undefined) {
      socket.destroy();
      return;
    }
    open += 1;
    keep();
    socket.once("close", () => {
      open -= 1;
      leave();
      keep();
    });
  });
}

/** How often the server looks for requests that are too slow. */
const connectionsCheckMs = 1_000;

export function httpServer(options: ServerOptions, handlers: ServerHandlers): HttpServer {
  const { limits } = options;
  const active = new PassingMap<number, ServerResponse>();
  let lastId = 0;
  const answerOn = (socket: Duplex) => [...active.values()].findLast(({ req }) => req.socket === socket);
  let closing = false;
  let retired = false;
  // A request without Host is refused further on, as a problem; Node's own answer is an empty one.
  const server = createServer({
    connectionsCheckingInterval: connectionsCheckMs,
    requireHostHeader: false,
  });
  server.headersTimeout = limits.headersTimeoutMs;
  server.requestTimeout = limits.requestTimeoutMs;
  boundConnections(server, options);

  const accept = (req: IncomingMessage, res: ServerResponse) => {
    lastId += 1;
    const id = lastId;
    active.set(id, res);
    if (closing || retired) res.setHeader("Connection", "close");
    res.once("close", () => {
      active.delete(id);
      if (closing) server.closeIdleConnections();
    });
    void handlers.request(req, res);
  };
  server.on("request", accept);
  // The body reader asks for the body by reading it; until then a body that is too large can be refused unsent.
  server.on("checkContinue", (req, res) => {
    req.once("resume", () => {
      if (!res.headersSent) res.writeContinue();
    });
    accept(req, res);
  });
  server.on("checkExpectation", accept);
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
    else handlers.malformed(parserProblem(error.code), socket, answerOn(socket));
  });

  return {
    get closing() {
      return closing;
    },
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        const refuse = (cause: Error) => reject(listenError("HTTP_PORT", host, port, cause));
        server.once("error", refuse);
        server.listen(port, host, () => {
          server.off("error", refuse);
          resolve(server.address() as AddressInfo);
        });
      }),
    retire() {
      retired = true;
    },
    close: () =>
      new Promise((resolve) => {
        if (!server.listening) return resolve();
        closing = true;
        const deadline = setTimeout(() => server.closeAllConnections(), limits.drainMs);
        server.close(() => {
          clearTimeout(deadline);
          resolve();
        });
        for (const res of active.values()) if (!res.headersSent) res.setHeader("Connection", "close");
        server.closeIdleConnections();
      }),
  };
}
