/**
 * Promise: every process answers `/health`, `/health/live`, `/health/ready` and `/metrics` on OPS_PORT from the first
 * moment of its start to the last of its stop, whatever else is broken, and refuses what the gateway's guard refuses. With
 * a token (OPS_TOKEN_FILE) whoever lacks it learns whether the process lives and is ready, and nothing else. Whoever asks
 * often costs no more than whoever asks once a second.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { listenError } from "../../mixins/basics/ports.ts";
import { recent } from "../../mixins/basics/recent.ts";
import {
  type GuardRefusal,
  httpGuard,
  parserRefusal,
  targetOf,
  unreservedDecoded,
} from "../../mixins/http/host-guard.ts";
import type { Metrics } from "../../mixins/metrics/metrics.ts";
import type { Health } from "../contracts/actions.ts";

export interface OpsServer {
  readonly port: number;
  close(): Promise<void>;
}

interface OpsOptions {
  readonly host: string;
  readonly port: number;
  /** undefined: whoever reaches the port may see all of it. */
  readonly token: string | undefined;
  /** Names of the installation beside `host` (HTTP_ALLOWED_HOSTS). */
  readonly allowedHosts: readonly string[];
  readonly metrics: Metrics;
  /** Never rejects. */
  readonly ready: () => Promise<Health>;
}

/** Prometheus, a probe or two and a person; a scraper that opens more waits for nobody but itself. */
const connectionsMax = 20;
const headersTimeoutMs = 5_000;
const requestTimeoutMs = 10_000;
/** How often the server looks for requests that are too slow. */
const connectionsCheckMs = 1_000;
/** All metrics of a process are 10 ms of its time and several questions to its databases. */
const metricsAgeMsMax = 200;
/** Of one reading. Prometheus asks every some seconds; who asks without a pause is answered as often as there is a new one. */
const metricsAskersMax = 20;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Record<string, string>;
}

const json = (status: number, value: unknown, type = "application/json"): Answer => ({
  status,
  type: `${type}; charset=utf-8`,
  body: JSON.stringify(value),
});

interface OpsProblem {
  readonly type?: string;
  readonly detail?: string;
}

function problem(
  status: number,
  instance: string | undefined,
  more: OpsProblem = {},
  headers: Record<string, string> = {},
): Answer {
  const body = { type: "about:blank", title: STATUS_CODES[status], status, instance, ...more };
  return { ...json(status, body, "application/problem+json"), headers };
}

const refusalOf = ({ slug, status, detail }: GuardRefusal, path?: string): Answer =>
  problem(status, path, { type: `/problems/${slug}`, detail });

const digestOf = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Whether a request may see all; in constant time, of whatever length it is (RFC 6750 §2.1). */
function bearerCheck(token: string | undefined): (request: IncomingMessage) => boolean {
  if (token === undefined) return () => true;
  const expected = digestOf(token);
  return ({ headers }) => {
    const [, given = ""] = /^bearer +(\S+)$/i.exec(headers.authorization ?? "") ?? [];
    return timingSafeEqual(digestOf(given), expected);
  };
}

const withoutToken = (path: string): Answer =>
  problem(
    401,
    path,
    { type: "/problems/unauthenticated", detail: "This needs the token of OPS_TOKEN_FILE" },
    { "www-authenticate": 'Bearer realm="mailroster"' },
  );

/** What answers a request. */
function answers(options: OpsOptions): (request: IncomingMessage) => Promise<Answer> {
  const guard = httpGuard({ bound: options.host, allowed: options.allowedHosts });
  const seesAll = bearerCheck(options.token);
  const ready = recent(options.ready, 0);
  const metrics = recent(() => options.metrics.expose(), metricsAgeMsMax, { askersMax: metricsAskersMax });
  const readiness = async (show: (health: Health) => unknown): Promise<Answer> => {
    const health = await ready();
    return json(health.status === "up" ? 200 : 503, show(health));
  };
  const short = ({ status }: Health) => ({ status });
  const routes: Record<string, (request: IncomingMessage, path: string) => Promise<Answer> | Answer> = {
    "/health": () => readiness(short),
    "/health/live": () => json(200, { status: "up", checks: {} }),
    "/health/ready": (request) => readiness(seesAll(request) ? (health) => health : short),
    "/metrics": async (request, path) =>
      seesAll(request)
        ? { status: 200, type: options.metrics.registry.contentType, body: await metrics() }
        : withoutToken(path),
  };
  return async (request) => {
    const path = unreservedDecoded(targetOf(request.url ?? "/").path);
    const refused = guard(request);
    if (refused !== undefined) return refusalOf(refused, path);
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (route === undefined) return problem(404, path);
    if (request.method !== "GET" && request.method !== "HEAD")
      return problem(405, path, {}, { allow: "GET, HEAD" });
    return route(request, path);
  };
}

const headersOf = ({ type, body, headers }: Answer): Record<string, string> => ({
  "content-type": type,
  "content-length": String(Buffer.byteLength(body)),
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  ...headers,
});

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: ReturnType<typeof answers>,
) {
  const sent = await answer(request).catch(() => problem(500, request.url ?? "/"));
  response.writeHead(sent.status, headersOf(sent));
  response.end(request.method === "HEAD" ? undefined : sent.body);
}

/** The parser gave the request up; Node's own answer is an empty one. */
function respondToMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const sent = refusalOf(parserRefusal(error.code));
  const lines = Object.entries({ ...headersOf(sent), connection: "close" }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  socket.end([`HTTP/1.1 ${sent.status} ${STATUS_CODES[sent.status]}`, ...lines, "", sent.body].join("\r\n"));
}

const listen = (server: Server, options: OpsOptions): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once("error", (cause) => reject(listenError("OPS_PORT", options.host, options.port, cause)));
    server.listen(options.port, options.host, () => resolve((server.address() as AddressInfo).port));
  });

/** Throws StartError when the port is taken. */
export async function startOpsServer(options: OpsOptions): Promise<OpsServer> {
  const answer = answers(options);
  // A request without Host is refused by the guard, as a problem; Node's own answer is an empty one.
  const server = createServer(
    { requireHostHeader: false, connectionsCheckingInterval: connectionsCheckMs },
    (request, response) => void respond(request, response, answer),
  );
  server.maxConnections = connectionsMax;
  server.headersTimeout = headersTimeoutMs;
  server.requestTimeout = requestTimeoutMs;
  server.keepAliveTimeout = requestTimeoutMs;
  server.on("clientError", respondToMalformed);
  const port = await listen(server, options);
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
