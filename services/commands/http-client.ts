/**
 * A gateway as a command asks it (mixins/http/patient-client.ts says how): over connections that are kept.
 *
 * By node:http and not by `fetch`, which would be 24 lines less: of the client's CPU a GET on loopback took 140 µs one after
 * the other and 123 at 20 callers, with fetch 326 and 278, a PATCH 140 and 446, in the heap of `npm run import` (medians of
 * five rounds of 5,000 in one process, Node 24.21, 2 cores); with a heap of the usual size 1.5 to 2.2 times as much.
 */
import { Agent, type IncomingMessage, request as plainRequest } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { TimeoutError } from "../../mixins/basics/pause.ts";
import {
  type GatewayAnswer,
  type GatewayClient,
  type GatewayRequest,
  patientClient,
  requestHeaders,
} from "../../mixins/http/patient-client.ts";
import { reasonOf } from "../runtime/reasons.ts";

/**
 * A gateway lets a caller have 20, one that imports 40 (gateway/http/callers.ts): whoever has 20 is told so by a 429 now
 * and then. The more are under way, the more of them share a transaction.
 */
const atOnce = { first: 16, max: 32 } as const;
const requestTimeoutMs = 30_000;

export interface ClientOptions {
  /** Without a slash at the end. */
  readonly url: string;
  readonly token?: string | undefined;
  /** What can't be done without it, as in `Cannot import`. */
  readonly doing: string;
}

function headersOf(asked: GatewayRequest, token: string | undefined, content: Buffer | undefined) {
  const { mediaType = "application/json" } = asked;
  return {
    ...requestHeaders(asked),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(content === undefined ? {} : { "content-type": mediaType, "content-length": content.length }),
  };
}

function jsonOf(chunks: readonly Buffer[]): unknown {
  try {
    return chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return undefined;
  }
}

function answerOf(message: IncomingMessage): Promise<GatewayAnswer> {
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("error", reject);
    message.on("aborted", () => reject(new TimeoutError("the answer broke off")));
    message.on("end", () =>
      resolve({
        status: message.statusCode ?? 0,
        headers: message.headers,
        attempts: 1,
        body: jsonOf(chunks),
      }),
    );
  });
}

/** One attempt; rejects when there is no answer. */
function sender(url: string, token: string | undefined) {
  const isTls = url.startsWith("https:");
  const agentOptions = { keepAlive: true, maxSockets: atOnce.max };
  const agent = isTls ? new TlsAgent(agentOptions) : new Agent(agentOptions);
  const open = isTls ? tlsRequest : plainRequest;
  const { hostname, port, pathname } = new URL(url);
  // As http takes them, without parsing the URL for each request; an IPv6 address comes without its brackets.
  const host = { host: hostname.replace(/^\[|\]$/g, ""), port: port || undefined };
  const folder = pathname.replace(/\/$/, "");
  const send = (asked: GatewayRequest): Promise<GatewayAnswer> => {
    const content = asked.body === undefined ? undefined : Buffer.from(JSON.stringify(asked.body));
    return new Promise((resolve, reject) => {
      const headers = headersOf(asked, token, content);
      const options = { ...host, path: `${folder}${asked.path}`, method: asked.method, agent, headers };
      const sent = open({ ...options, timeout: requestTimeoutMs }, (message) =>
        answerOf(message).then(resolve, reject),
      );
      sent.on("timeout", () => sent.destroy(new TimeoutError("no answer")));
      sent.on("error", reject);
      sent.end(content);
    });
  };
  return { send, close: () => agent.destroy() };
}

export function gatewayClient({ url, token, doing }: ClientOptions): GatewayClient {
  const { send, close } = sender(url, token);
  return patientClient({ url, doing, atOnce, send, reasonOf, end: close });
}
