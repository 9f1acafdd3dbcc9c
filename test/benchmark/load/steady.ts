/**
 * So many requests a second, evenly, whatever comes back. autocannon's own rate limit sends what a second is due at its
 * beginning, one after the other on each connection, and then waits: at 50 a second that is a burst and not a rate.
 */
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import {
  failuresOf,
  type HttpOrder,
  headersOf,
  type LoadResult,
  type NextRequest,
  requestsOf,
} from "./order.ts";

const socketsMax = 64;
const answerMsMax = 10_000;

const noAnswer = "no answer";

/** Resolves with the status of the answer; never rejects. */
function send(agent: Agent, url: string, next: NextRequest): Promise<string> {
  const { method, path, body } = next;
  return new Promise((resolve) => {
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const headers = { ...headersOf(next), ...length };
    const sent = request(`${url}${path}`, { agent, method, headers, timeout: answerMsMax }, (answer) => {
      answer.once("error", () => resolve(noAnswer));
      answer.once("end", () => resolve(String(answer.statusCode)));
      answer.resume();
    });
    sent.once("timeout", () => sent.destroy(new Error("no answer in time")));
    sent.once("error", () => resolve(noAnswer));
    sent.end(body);
  });
}

export async function keepSteady({ urls, work, pace }: HttpOrder): Promise<LoadResult> {
  if (!("perSecond" in pace)) throw new TypeError("Cannot keep steady without a rate");
  const agent = new Agent({ keepAlive: true, maxSockets: socketsMax });
  const next = requestsOf(work);
  const total = Math.round(pace.perSecond * pace.seconds);
  const answers: Promise<string>[] = [];
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  const dueAt = (count: number): number => startedAt + (count * 1_000) / pace.perSecond;
  while (answers.length < total) {
    const waitMs = dueAt(answers.length) - performance.now();
    if (waitMs > 0) await delay(waitMs);
    const due = dueAt(answers.length);
    const answer = send(agent, urls[answers.length % urls.length] ?? "", next());
    answers.push(
      answer.then((status) => {
        latenciesMs.push(performance.now() - due);
        return status;
      }),
    );
  }
  const statuses = new Map<string, number>();
  for (const status of await Promise.all(answers)) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  const answered = [...statuses].reduce((sum, [status, n]) => (status.startsWith("2") ? sum + n : sum), 0);
  const seconds = (performance.now() - startedAt) / 1_000;
  agent.destroy();
  const failures = failuresOf(statuses);
  return {
    perSecond: answered / seconds,
    answered,
    failed: total - answered,
    failures,
    seconds,
    latenciesMs,
  };
}
