/** What the detail of a 503 says. */
import test from "ava";
import { Errors } from "moleculer";
import { Unavailable } from "../../services/contracts/errors.ts";
import { dependencyOf, outages } from "../../services/gateway/problems/outages.ts";
import { HttpProblem, problemFor } from "../../services/gateway/problems/problems.ts";

const problemOf = (error: unknown) => problemFor(error, ({ pointer, detail }) => ({ pointer, detail }));
const unavailable = (dependency: string) => problemOf(new Unavailable(dependency, "secret.example:5432"));
const told = (dependency: string, since: string) =>
  `Cannot serve the request: it needs ${dependency}, which has not done its part since ${since}`;
const start = Date.parse("2026-11-26T10:00:00.000Z");

test("a failed call names what was missing, and the service itself when it gave no answer", (t) => {
  for (const [action, error, dependency] of [
    ["users.create", new Unavailable("smtp-registry", ""), "smtp-registry"],
    ["users.create", new Unavailable("database", ""), "the database of users"],
    ["audit.list", new Unavailable("database", ""), "the database of audit"],
    ["dead-letters.replay", new Unavailable("bus", ""), "the event bus"],
    ["users.create", new Unavailable("transport", ""), "users"],
    ["users.create", new Unavailable("10.0.0.5:5432", ""), "users"],
    ["users.create", new Unavailable("constructor", ""), "users"],
    [
      "smtp-registry.lookup",
      new Errors.ServiceNotFoundError({ action: "smtp-registry.lookup" }),
      "smtp-registry",
    ],
    ["users.get", new Errors.RequestTimeoutError({ action: "users.get" }), "users"],
    ["users.get", new Errors.BrokerDisconnectedError("lost"), "the message broker"],
    ["users.get", undefined, "users"],
  ] as const)
    t.is(dependencyOf(action, error), dependency);
});

test("an outage is told since its first failure, until the action is done again", (t) => {
  const seen = outages();
  const detail = (dependency: string, action: string, atMs: number) =>
    seen.explain(unavailable(dependency), action, start + atMs).message;
  t.is(detail("smtp-registry", "users.create", 0), told("smtp-registry", "2026-11-26T10:00:00.000Z"));
  t.is(detail("smtp-registry", "users.patch", 50_000), told("smtp-registry", "2026-11-26T10:00:00.000Z"));
  t.is(detail("database", "users.get", 55_000), told("the database of users", "2026-11-26T10:00:55.000Z"));
  seen.clear("users.get");
  t.is(detail("smtp-registry", "users.create", 100_000), told("smtp-registry", "2026-11-26T10:00:00.000Z"));
  t.is(detail("database", "users.get", 101_000), told("the database of users", "2026-11-26T10:01:41.000Z"));
  seen.clear("users.patch");
  t.is(detail("smtp-registry", "users.create", 102_000), told("smtp-registry", "2026-11-26T10:01:42.000Z"));
});

test("what nobody has looked at for a minute is told anew", (t) => {
  const seen = outages();
  seen.explain(unavailable("users"), "users.get", start);
  t.is(
    seen.explain(unavailable("users"), "users.get", start + 60_001).message,
    told("users", "2026-11-26T10:01:00.001Z"),
  );
});

test("the other problems stay as they are, and of a 503 its Retry-After and cause", (t) => {
  const seen = outages();
  const other = new HttpProblem("not-found", "Nothing lives at this path");
  t.is(seen.explain(other, "users.get", start), other);
  const cause = new Unavailable("database", "", { retryAfterMs: 2_500 });
  const problem = seen.explain(problemOf(cause), "users.get", start);
  t.is(problem.headers["Retry-After"], "3");
  t.is(problem.cause, cause);
});
