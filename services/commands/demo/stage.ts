/**
 * Where the demo plays: real requests to a real system, printed as they go and come. What does not come as told ends
 * the demo with DemoFailed.
 */
import { setTimeout as delay } from "node:timers/promises";
import { poll } from "../../../mixins/basics/poll.ts";

const requestTimeoutMs = 10_000;
const waitMaxMs = 15_000;
const pollMs = 50;
const shownCharsMax = 240;

export class DemoFailed extends Error {
  override name = "DemoFailed";
}

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface Request {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Neither the request nor the answer is printed. */
  readonly quiet?: boolean;
}

export interface Stage {
  readonly url: string;
  chapter(title: string): void;
  say(text: string): void;
  request<T>(method: string, path: string, request?: Request): Promise<Answer<T>>;
  /** Asks quietly until the answer is as wanted, then prints that one. */
  until<T>(path: string, what: string, holds: (body: T) => boolean): Promise<T>;
  /** Prints what holds; throws DemoFailed when it does not. */
  check(holds: boolean, what: string): void;
  pause(ms: number): Promise<void>;
}

/** Headers that tell the story; the others are the same on every answer. */
const toldHeaders = ["location", "etag", "retry-after", "idempotent-replayed", "x-correlation-id"];

const short = (text: string): string =>
  text.length > shownCharsMax ? `${text.slice(0, shownCharsMax)}…` : text;

/** `signal` ends the demo from outside. */
export function stage(url: string, print: (line: string) => void, signal: AbortSignal): Stage {
  let chapters = 0;

  async function request<T>(method: string, path: string, options: Request = {}): Promise<Answer<T>> {
    const { body, headers = {}, quiet = false } = options;
    const text = body === undefined ? undefined : JSON.stringify(body);
    if (!quiet) {
      print(`  → ${method} ${path}`);
      for (const [name, value] of Object.entries(headers)) print(`    ${name}: ${value}`);
      if (text !== undefined) print(`    ${text}`);
    }
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...(text === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(text === undefined ? {} : { body: text }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]),
    });
    const answer = await response.text();
    if (!quiet) {
      const headerLines = toldHeaders.flatMap((name) => {
        const value = response.headers.get(name);
        return value === null || (name === "x-correlation-id" && !("X-Correlation-ID" in headers))
          ? []
          : [`${name}: ${value}`];
      });
      print(`  ← ${[response.status, ...headerLines].join("  ")}`);
      if (answer !== "") print(`    ${short(answer)}`);
    }
    const parsed = answer === "" ? undefined : JSON.parse(answer);
    return { status: response.status, headers: response.headers, body: parsed as T };
  }

  return {
    url,
    request,
    chapter(title) {
      chapters += 1;
      print(`\n${chapters}. ${title}`);
    },
    say: (text) => print(`  ${text}`.trimEnd()),
    async until<T>(path: string, what: string, holds: (body: T) => boolean): Promise<T> {
      const isWanted = ({ status, body }: Answer<T>): boolean => status === 200 && holds(body);
      const ask = () => request<T>("GET", path, { quiet: true });
      const answer = await poll(ask, isWanted, { everyMs: pollMs, maxMs: waitMaxMs, signal });
      const body = JSON.stringify(answer.body);
      if (!isWanted(answer))
        throw new DemoFailed(`${what}: not within ${waitMaxMs / 1_000} s, GET ${path} answers ${body}`);
      print(`  → GET ${path}\n  ← 200\n    ${short(body)}\n  ✓ ${what}`);
      return answer.body;
    },
    check(holds, what) {
      if (!holds) throw new DemoFailed(what);
      print(`  ✓ ${what}`);
    },
    pause: (ms) => delay(ms, undefined, { signal }),
  };
}
