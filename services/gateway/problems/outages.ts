/**
 * What a 503 says: what the request needs, and since when that has not done its part, as this gateway has seen it.
 *
 * Promise: nothing but names that an operator finds in the documentation; no host, no message of a library.
 */
import { isOverload, Unavailable } from "../../contracts/errors.ts";
import { HttpProblem } from "./problems.ts";

/** What an Unavailable may name beside the service that threw it. */
const dependencyTexts: Readonly<Record<string, (service: string) => string>> = {
  "smtp-registry": () => "smtp-registry",
  users: () => "users",
  database: (service) => `the database of ${service}`,
  bus: () => "the event bus",
  access: () => "the access keys of the service access",
  identity: () => "the identity provider of the token",
  activity: () => "the record of what is read, of the service access",
};

/** What was missing when a call of the action failed with this; a service that gave no answer is missing itself. */
export function dependencyOf(action: string, error: unknown): string {
  const [service = ""] = action.split(".");
  if (error instanceof Unavailable) {
    const { dependency } = error.data;
    return (
      (Object.hasOwn(dependencyTexts, dependency) ? dependencyTexts[dependency]?.(service) : undefined) ??
      service
    );
  }
  return (error as { name?: unknown } | undefined)?.name === "BrokerDisconnectedError"
    ? "the message broker"
    : service;
}

interface Outage {
  readonly sinceMs: number;
  lastMs: number;
  /** One of them done again ends it: another may need less. */
  readonly actions: Set<string>;
}

/** A failure this long after the last one is another outage: nobody has looked meanwhile. */
const unseenMaxMs = 60_000;

export interface Outages {
  /**
   * A call of the action failed; an `unavailable` comes back with a detail that says what of. One without a cause is the
   * gateway's own refusal.
   */
  explain(problem: HttpProblem, action: string, nowMs: number): HttpProblem;
  /** Those that are not over, by what is missing. */
  readonly open: ReadonlyMap<string, unknown>;
  /** The action was done. */
  clear(action: string): void;
}

/** Of one gateway. There are as many outages as names of dependencies at most. */
export function outages(): Outages {
  const open = new Map<string, Outage>();

  const outageOf = (dependency: string, nowMs: number): Outage => {
    const seen = open.get(dependency);
    if (seen !== undefined && nowMs - seen.lastMs <= unseenMaxMs) return seen;
    const outage = { sinceMs: nowMs, lastMs: nowMs, actions: new Set<string>() };
    open.set(dependency, outage);
    return outage;
  };

  return {
    open,
    explain(problem, action, nowMs) {
      if (problem.slug !== "unavailable" || problem.cause === undefined) return problem;
      if (isOverload(problem.cause))
        return new HttpProblem(
          "unavailable",
          "Cannot serve the request: more is asked for than can be done in time",
          { headers: problem.headers, cause: problem.cause },
        );
      const dependency = dependencyOf(action, problem.cause);
      const outage = outageOf(dependency, nowMs);
      outage.lastMs = nowMs;
      outage.actions.add(action);
      const since = new Date(outage.sinceMs).toISOString();
      return new HttpProblem(
        "unavailable",
        `Cannot serve the request: it needs ${dependency}, which has not done its part since ${since}`,
        { headers: problem.headers, cause: problem.cause },
      );
    },
    clear(action) {
      for (const [dependency, { actions }] of open) if (actions.has(action)) open.delete(dependency);
    },
  };
}
