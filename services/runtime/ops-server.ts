/**
 * Promise: every process answers `/health/live`, `/health/ready` and `/metrics` on OPS_PORT from the first moment
 * of its start to the last of its stop, whatever else is broken.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Metrics } from "../../mixins/metrics.ts";
import type { Health } from "../contracts/actions.ts";
import { listenError } from "./ports.ts";

export interface OpsServer {
  readonly port: number;
  close(): Promise<void>;
}

interface OpsOptions {
  readonly host: string;
  readonly port: number;
  readonly metrics: Metrics;
  /** Never rejects. */
  readonly ready: () => Promise<Health>;
}

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

function problem(
  status: number,
  title: string,
  instance: string,
  headers: Record<string, string> = {},
): Answer {
  return {
    ...json(status, { type: "about:blank", title, status, instance }, "application/problem+json"),
    headers,
  };
}

async function answer(request: IncomingMessage, options: OpsOptions): Promise<Answer> {
  const path = (request.url ?? "/").split("?")[0] ?? "/";
  const routes: Record<string, () => Promise<Answer> | Answer> = {
    "/health/live": () => json(200, { status: "up", checks: {} }),
    "/health/ready": async () => {
      const health = await options.ready();
      return json(health.status === "up" ? 200 : 503, health);
    },
    "/metrics": async () => ({
      status: 200,
      type: options.metrics.registry.contentType,
      body: await options.metrics.expose(),
    }),
  };
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (route === undefined) return problem(404, "Not Found", path);
  if (request.method !== "GET" && request.method !== "HEAD")
    return problem(405, "Method Not Allowed", path, { allow: "GET, HEAD" });
  return route();
}

async function respond(request: IncomingMessage, response: ServerResponse, options: OpsOptions) {
  const { status, type, body, headers } = await answer(request, options).catch(() =>
    problem(500, "Internal Server Error", request.url ?? "/"),
  );
  const length = Buffer.byteLength(body);
  response.writeHead(status, {
    "content-type": type,
    "content-length": length,
    "cache-control": "no-store",
    ...headers,
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

const listen = (server: Server, options: OpsOptions): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once("error", (cause) => reject(listenError("OPS_PORT", options.host, options.port, cause)));
    server.listen(options.port, options.host, () => resolve((server.address() as AddressInfo).port));
  });

/** Throws StartError when the port is taken. */
export async function startOpsServer(options: OpsOptions): Promise<OpsServer> {
  const server = createServer((request, response) => void respond(request, response, options));
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
