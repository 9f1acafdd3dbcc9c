/** The way of an event as a status tells it, and how often the console looks. */
import test from "ava";
import type { Status } from "../../services/contracts/status.ts";
import { ProblemAnswer } from "../../services/gateway/console/app/core/api.ts";
import {
  placesOf,
  sampleOf,
  sparkOf,
  systemRhythm,
  troublesOf,
} from "../../services/gateway/console/app/core/flow.ts";
import {
  afterAnswer,
  afterFault,
  type Seen,
  unseen,
  untilNextMs,
} from "../../services/gateway/console/app/core/looks.ts";
import { statusExample as example } from "../../services/gateway/routes/status-examples.ts";

const well: Status = {
  ...example,
  checks: { users: { status: "up" }, "smtp-registry": { status: "up" }, audit: { status: "up" } },
  outbox: { pending: 0, oldestAgeS: 0 },
  queues: [
    { queue: "smtp-registry.user-events", messages: 0 },
    { queue: "audit.user-events", messages: 3 },
  ],
  circuit: "closed",
  deadLetters: { pending: 0, causes: [] },
  reconciliation: null,
};
const cause = {
  ...example.deadLetters?.causes[0],
  queue: "audit.user-events",
  letters: 3,
} as NonNullable<Status["deadLetters"]>["causes"][number];

test("an event goes from users by the outbox to each consumer, a number at each place", (t) => {
  t.deepEqual(
    placesOf(well).map(({ name, figure }) => [name, figure]),
    [
      ["users", String(well.users?.active)],
      ["outbox", "0"],
      ["smtp-registry.user-events", "0"],
      ["audit.user-events", "3"],
    ],
  );
  t.deepEqual(troublesOf(well), []);
  t.deepEqual(sampleOf(well, 7), {
    atMs: 7,
    waiting: { outbox: 0, "smtp-registry.user-events": 0, "audit.user-events": 3 },
  });
});

test("what could not be asked is a dash and never a nought, and no trouble by itself", (t) => {
  const blind: Status = {
    ...well,
    users: null,
    outbox: null,
    queues: null,
    circuit: null,
    deadLetters: null,
  };
  t.deepEqual(
    placesOf(blind).map(({ figure }) => figure),
    ["–", "–", "–"],
  );
  t.deepEqual(troublesOf(blind), []);
  t.is(sampleOf(blind, 0).waiting.outbox, undefined);
  const queues = placesOf({ ...blind, deadLetters: { pending: 3, causes: [cause] } }).slice(2);
  t.like(queues[0], { name: "audit.user-events", figure: "–" }, "a queue is known by its letters");
});

test("an event waits too long after a minute, as the alert has it", (t) => {
  const waiting = (oldestAgeS: number) => troublesOf({ ...well, outbox: { pending: 1, oldestAgeS } });
  t.deepEqual(waiting(60), []);
  t.deepEqual(waiting(92), ["outbox: the oldest waits for 1 min"]);
});

test("a service that is down is told, also where something else is wrong at its place", (t) => {
  const down = { status: "down", detail: "no database" } as const;
  const all: Status = {
    ...well,
    checks: { users: down, outbox: down, audit: down, "dead-letters": down },
    outbox: { pending: 9, oldestAgeS: 600 },
    circuit: "open",
    deadLetters: { pending: 3, causes: [cause] },
  };
  const told = troublesOf(all);
  for (const name of ["users", "outbox", "audit", "dead-letters"])
    t.is(told.filter((text) => text.includes(`${name} is down: no database`)).length, 1, name);
  t.true(told.some((text) => text.includes("smtp-registry does not answer")));
  t.true(told.some((text) => text.includes("3 given up")));
});

test("each violation of consistency counts", (t) => {
  const violations = { ...example.reconciliation?.violations, unheld: 2, elsewhere: 1 };
  const reconciliation = { ...example.reconciliation, violations } as unknown as Status["reconciliation"];
  t.regex(troublesOf({ ...well, reconciliation }).at(-1) ?? "", /^consistency: [3-9] violations$/);
});

test("a line of what waits is drawn by the time of each look, however far apart they were", (t) => {
  const waits = (pending: number, atMs: number) =>
    sampleOf({ ...well, outbox: { pending, oldestAgeS: 0 } }, atMs);
  const samples = [waits(0, 1_000), sampleOf({ ...well, outbox: null }, 302_000)];
  t.is(sparkOf(samples, "outbox"), "");
  t.is(
    sparkOf([waits(0, 1_000), waits(4, 301_000), waits(2, 601_000)], "outbox"),
    "0.00,26 50.00,2 100.00,14",
  );
});

test("a system is looked at every 2 s, and every 5 s while nothing is wrong and nothing new for 20 s", (t) => {
  t.is(systemRhythm(undefined, 0), 2_000);
  t.deepEqual(
    [0, 9, 10, 1_000].map((sames) => systemRhythm(well, sames)),
    [2_000, 2_000, 5_000, 5_000],
  );
  t.is(systemRhythm({ ...well, circuit: "open" }, 1_000), 2_000);
  t.is(systemRhythm({ ...well, deadLetters: { pending: 3, causes: [cause] } }, 1_000), 2_000);
  let seen: Seen<Status> = afterAnswer<Status>(unseen, { ...answer("a"), data: well }, 0);
  for (let look = 0; look < 10; look += 1) seen = afterAnswer(seen, { ...answer("", 304), data: well }, 0);
  t.is(untilNextMs(seen, systemRhythm, 0), 5_000);
  t.is(untilNextMs(afterAnswer(seen, { ...answer("b"), data: well }, 0), systemRhythm, 0), 2_000);
});

const every2S = () => 2_000;
const once = () => undefined;
const answer = (data: string, status = 200) => ({ status, data, etag: `"${data}"`, correlationId: null });
const busy = (retryAfterS?: number) => new ProblemAnswer(503, {}, retryAfterS);

test("after a failure what was seen stays, and the looks come ever further apart, 30 s at most", (t) => {
  let seen: Seen<string> = afterAnswer<string>(unseen, answer("a"), 1_000);
  const waits: (number | undefined)[] = [];
  for (let look = 0; look < 7; look += 1) {
    seen = afterFault(seen, busy(), every2S, 5_000);
    waits.push(untilNextMs(seen, every2S, 5_000));
  }
  t.deepEqual(waits, [2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  t.like(seen, { data: "a", asOfMs: 1_000, misses: 7, isLoading: false });
  t.is(untilNextMs(afterFault(seen, busy(20), every2S, 5_000), every2S, 6_000), 29_000);
  t.like(afterAnswer(seen, answer("b"), 9_000), { data: "b", misses: 0, problem: undefined, asOfMs: 9_000 });
});

test("an answer that nothing is new keeps what is shown, and makes it new", (t) => {
  const seen = afterAnswer<string>(unseen, answer("a"), 1_000);
  t.like(afterAnswer(seen, answer("", 304), 7_000), { data: "a", etag: '"a"', asOfMs: 7_000 });
});

test("what is not watched is asked again only where that may help", (t) => {
  t.is(untilNextMs(afterAnswer<string>(unseen, answer("a"), 0), once, 0), undefined);
  t.is(untilNextMs(afterFault<string>(unseen, busy(3), once, 0), once, 0), 3_000);
  for (const status of [-1, 400, 401, 403, 404, 422, 500]) {
    const seen = afterFault<string>(unseen, new ProblemAnswer(status, {}), once, 0);
    t.is(untilNextMs(seen, once, 0), undefined, `${status}`);
  }
  const watched = afterFault<string>(unseen, new ProblemAnswer(404, {}), every2S, 0);
  t.is(untilNextMs(watched, every2S, 0), undefined, "a page of something that is not there is not watched");
  t.is(
    untilNextMs(afterFault<string>(unseen, new ProblemAnswer(500, {}), every2S, 0), every2S, 0),
    2_000,
    "a page that is watched outlasts a defect of the gateway",
  );
});
