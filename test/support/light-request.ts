/**
 * HTTP for a load: over connections that are kept, for a quarter of what fetch takes of the machine, which what is loaded
 * has to share.
 */
import { Agent, request } from "node:http";

/** Shorter than any server of ours keeps a connection on which nothing is asked. */
const idleMs = 5_000;
const agent = new Agent({ keepAlive: true, timeout: idleMs });

export interface LightRequest {
  readonly method: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

export interface LightAnswer {
  readonly status: number;
  readonly text: string;
  readonly retryAfterMs: number | undefined;
}

/** Rejects when there is no whole answer in time. */
export function lightRequest(url: string, options: LightRequest): Promise<LightAnswer> {
  const { method, body, headers, timeoutMs } = options;
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const type = sent === undefined ? {} : { "content-type": "application/json" };
  const length = { "content-length": String(Buffer.byteLength(sent ?? "")) };
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, agent, headers: { ...headers, ...type, ...length } }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.once("error", reject);
      answer.once("close", () => {
        clearTimeout(timer);
        if (!answer.complete) return reject(new Error("The answer was cut off"));
        const seconds = Number(answer.headers["retry-after"]);
        resolve({
          status: answer.statusCode ?? 0,
          text: Buffer.concat(chunks).toString(),
          retryAfterMs: Number.isFinite(seconds) ? seconds * 1_000 : undefined,
        });
      });
    });
    const timer = setTimeout(() => asked.destroy(new Error("There was no answer in time")), timeoutMs);
    asked.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    asked.end(sent);
  });
}
