/**
 * Promise: whoever asks a gateway for many things asks as fast as it is let, and no faster. At most
 * `atOnce.max` requests are under way; 429 and 503 make them fewer and are asked again after Retry-After, as is what got
 * lost on the way (so a write should carry its idempotency key). What stays out of reach for `patienceMs`
 * ends as an UnreachableError. Every other answer is the caller's, whatever its status.
 *
 * How a request is sent comes in, so that a command and a browser wait alike.
 */
import { UnreachableError } from "../../services/contracts/exits.ts";
import { httpHeader } from "../../services/contracts/headers.ts";
import { backoffMs, pause } from "../basics/pause.ts";

/** Since something was answered last. */
const patienceMs = 120_000;
const pauseMs = { min: 200, max: 10_000 } as const;
/** Of a wait that is told, so much more by chance: what was refused together does not come again together. */
const spread = 0.2;
/** A longer wait is no advice that a command could follow. */
const retryAfterMaxMs = 60_000;
/** What a proxy in front of a gateway says while the gateway is away. */
const passing: readonly number[] = [429, 502, 503, 504];

export interface GatewayRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query, percent-encoded. */
  readonly path: string;
  readonly body?: unknown;
  readonly mediaType?: string;
  readonly correlationId?: string;
  readonly idempotencyKey?: string;
  /** As If-Match has it: the version that the user must have. */
  readonly version?: number;
  /** These are answers, too, though they could be asked again: by the slug of their problem. */
  readonly finalProblems?: readonly string[];
}

export interface GatewayAnswer {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** How often it was asked: of more than one, an earlier answer may have been lost. */
  readonly attempts: number;
  /** undefined: there is none, or none in JSON. */
  readonly body: unknown;
}

/** The body of an answer that is no success (RFC 9457). */
export interface ProblemBody {
  readonly type?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly {
    readonly detail: string;
    readonly pointer?: string;
    readonly conflict?: { readonly address: string; readonly status: string; readonly userId: string | null };
  }[];
}

export interface GatewayClient {
  readonly url: string;
  request(asked: GatewayRequest): Promise<GatewayAnswer>;
  /** How many requests were asked again, because the gateway wanted them later. */
  readonly delayed: number;
  close(): void;
}

export interface ClientParts {
  /** What the sentence of an UnreachableError names. */
  readonly url: string;
  /** What can't be done without it, as in `Cannot import`. */
  readonly doing: string;
  /** Requests under way: with how many it begins, and how many there ever are. */
  readonly atOnce: { readonly first: number; readonly max: number };
  /** One attempt; rejects when there is no answer. */
  readonly send: (asked: GatewayRequest) => Promise<GatewayAnswer>;
  /** Why there was none, in words that follow the URL. */
  readonly reasonOf: (error: unknown) => string;
  /** Of what `send` holds open. */
  readonly end: () => void;
}

/** Of a request what does not concern its body: with whom it belongs, that it may be repeated, what it changes. */
export const requestHeaders = ({
  correlationId,
  idempotencyKey,
  version,
}: GatewayRequest): Record<string, string> => ({
  accept: "application/json, application/problem+json",
  ...(correlationId === undefined ? {} : { [httpHeader.correlationId]: correlationId }),
  ...(idempotencyKey === undefined ? {} : { [httpHeader.idempotencyKey]: idempotencyKey }),
  ...(version === undefined ? {} : { [httpHeader.ifMatch]: `"${version}"` }),
});

/** `domain-not-accepted` of `/problems/domain-not-accepted`. */
export const slugOf = ({ body }: GatewayAnswer): string | undefined =>
  (body as ProblemBody | undefined)?.type?.split("/").at(-1);

/** How many requests may be under way: one more for each round that went well, half of them after one that did not. */
function lane(atOnce: ClientParts["atOnce"]) {
  const waiting: (() => void)[] = [];
  let active = 0;
  let room: number = atOnce.first;
  return {
    async enter(): Promise<void> {
      // Who has waited has been given a place.
      if (active >= Math.floor(room)) await new Promise<void>((resolve) => waiting.push(resolve));
      else active += 1;
    },
    leave(wentWell: boolean): void {
      active -= 1;
      room = wentWell ? Math.min(atOnce.max, room + 1 / room) : Math.max(1, room / 2);
      for (let next: (() => void) | undefined; active < Math.floor(room); active += 1) {
        next = waiting.shift();
        if (next === undefined) break;
        next();
      }
    },
  };
}

function retryAfterMs({ headers }: GatewayAnswer): number | undefined {
  const seconds = Number(headers["retry-after"] ?? Number.NaN);
  return Number.isFinite(seconds) ? Math.min(retryAfterMaxMs, seconds * 1_000) : undefined;
}

const isPassing = (answer: GatewayAnswer, { finalProblems = [] }: GatewayRequest): boolean =>
  passing.includes(answer.status) && !finalProblems.includes(slugOf(answer) ?? "");

export function patientClient({ url, doing, atOnce, send, reasonOf, end }: ClientParts): GatewayClient {
  const { enter, leave } = lane(atOnce);
  const closed = new AbortController();
  let heardAtMs = performance.now();
  let unanswered = 0;
  let delayed = 0;

  const outOfReach = (why: string, cause?: unknown): UnreachableError =>
    new UnreachableError(`Cannot ${doing}: ${url} ${why}`, { cause });

  /** undefined: once more, after the pause that it has made. */
  async function attempt(asked: GatewayRequest, failures: number): Promise<GatewayAnswer | undefined> {
    await enter();
    let waitMs = backoffMs(failures, pauseMs.min, pauseMs.max);
    let why: string | undefined;
    let failure: unknown;
    try {
      const answer = await send(asked);
      if (!isPassing(answer, asked)) {
        heardAtMs = performance.now();
        leave(true);
        return answer;
      }
      // Who limits us is there; who has nothing to say but that is out of reach after a while.
      if (answer.status === 429) heardAtMs = performance.now();
      // Whoever tells when to come knows it; a doubled wait would leave unused what is granted by then.
      const told = retryAfterMs(answer);
      if (told !== undefined) waitMs = Math.max(pauseMs.min, told) * (1 + spread * Math.random());
      why = `answers ${answer.status}: ${(answer.body as ProblemBody | undefined)?.detail ?? "no reason"}`;
    } catch (error) {
      failure = error;
      why = reasonOf(error);
    }
    leave(false);
    delayed += 1;
    if (performance.now() - heardAtMs > patienceMs) throw outOfReach(why, failure);
    await pause(waitMs, closed.signal);
    if (closed.signal.aborted) throw outOfReach(why, failure);
    return undefined;
  }

  return {
    url,
    get delayed() {
      return delayed;
    },
    async request(asked) {
      // While nothing was asked nobody can have answered.
      if (unanswered === 0) heardAtMs = performance.now();
      unanswered += 1;
      try {
        for (let failures = 0; ; failures += 1) {
          const answer = await attempt(asked, failures);
          if (answer !== undefined) return { ...answer, attempts: failures + 1 };
        }
      } finally {
        unanswered -= 1;
      }
    },
    close() {
      closed.abort();
      end();
    },
  };
}
