/** HTTP load by autocannon: closed (as fast as the answers come) or open (so many a second, whatever comes back). */
import { randomBytes } from "node:crypto";
import autocannon from "autocannon";

export interface LoadResult {
  /** Answers with a status of 2xx in each second of the measured time. */
  readonly perSecond: number;
  readonly answered: number;
  readonly failed: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number };
}

interface LoadOptions {
  readonly url: string;
  readonly seconds: number;
  readonly connections: number;
  /** Requests a second in all; undefined: as many as the system takes. */
  readonly rate?: number;
  readonly requests: autocannon.Request[];
}

async function run({ url, seconds, connections, rate, requests }: LoadOptions): Promise<LoadResult> {
  const startedAt = performance.now();
  const result = await autocannon({
    url,
    duration: seconds,
    connections,
    requests,
    ...(rate === undefined ? {} : { overallRate: rate }),
  });
  const elapsedS = (performance.now() - startedAt) / 1_000;
  return {
    perSecond: result["2xx"] / elapsedS,
    answered: result["2xx"],
    failed: result.non2xx + result.errors + result.timeouts,
    latencyMs: { p50: result.latency.p50, p99: result.latency.p99 },
  };
}

export interface Load {
  readonly seconds: number;
  readonly connections: number;
  readonly rate?: number;
}

/** Every create asks for an address that nobody has. */
export function createUsers(url: string, load: Load): Promise<LoadResult> {
  const prefix = randomBytes(6).toString("hex");
  let count = 0;
  return run({
    url,
    ...load,
    requests: [
      {
        method: "POST",
        path: "/users",
        headers: { "content-type": "application/json" },
        setupRequest(req) {
          count += 1;
          const name = `${prefix}-${count}`;
          return {
            ...req,
            body: JSON.stringify({ displayName: `Person ${name}`, primarySmtp: `${name}@bench.example` }),
          };
        },
      },
    ],
  });
}

export function getPaths(url: string, paths: readonly string[], load: Load): Promise<LoadResult> {
  return run({ url, ...load, requests: paths.map((path) => ({ method: "GET", path })) });
}
