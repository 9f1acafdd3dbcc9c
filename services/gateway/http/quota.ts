/** What an answer says of a limit: RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10), and 429. */
import type { Grant } from "../../../mixins/basics/buckets.ts";
import { HttpProblem, retryAfter } from "../problems/problems.ts";

const windowSeconds = 60;

interface Policy {
  /** Of a grant out of so many units a minute: name, value, name, value … */
  headers(perMinute: number, grant: Grant): readonly string[];
}

const policy = (name: string): Policy => ({
  headers: (perMinute, { remaining, wholeInMs }) => [
    "RateLimit-Policy",
    `"${name}";q=${perMinute};w=${windowSeconds}`,
    "RateLimit",
    `"${name}";r=${remaining};t=${Math.ceil(wholeInMs / 1_000)}`,
  ],
});

/** Requests of one address. */
export const addressPolicy = policy("address");
/** What one caller's requests cost. */
export const callerPolicy = policy("caller");

export const tooManyRequests = (detail: string, waitMs: number): HttpProblem =>
  new HttpProblem("too-many-requests", detail, { headers: retryAfter(waitMs) });
