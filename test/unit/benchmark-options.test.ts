/** What the benchmark's command line asks for, and what it refuses in one sentence. */
import test from "ava";
import { UsageError } from "../../services/contracts/exits.ts";
import { readCommandLine } from "../../services/runtime/command-line.ts";
import { formOf, optionsOf } from "../benchmark/harness/options.ts";
import { failuresOf, headersOf, requestsOf } from "../benchmark/load/order.ts";
import { Stops } from "../support/stops.ts";

const known = ["creates", "latency", "idle"];
function asked(...args: string[]) {
  const line = readCommandLine(formOf(known), args);
  if (line === "help") throw new Error("It is asked for help");
  return optionsOf(line, known, "/srv/here");
}

test("without arguments all parts run, five rounds of five seconds, into bench-results", (t) => {
  const { parts, scale, out, isQuick, list } = asked();
  t.deepEqual(parts, known);
  t.is(scale.rounds, 5);
  t.is(scale.seconds, 5);
  t.is(scale.backlog, 100_000);
  t.is(out, "/srv/here/bench-results");
  t.false(isQuick || list);
});

test("parts run in their own order, whatever the order they are asked for in", (t) => {
  t.deepEqual(asked("idle", "creates").parts, ["creates", "idle"]);
});

test("a quick run has one round, unless more are asked for", (t) => {
  t.is(asked("--quick").scale.rounds, 1);
  t.true(asked("--quick").scale.longBacklog < 100_000);
  t.is(asked("--quick", "--rounds", "3").scale.rounds, 3);
});

test("--out is a folder as seen from here", (t) => {
  t.is(asked("--out", "x").out, "/srv/here/x");
  t.is(asked("--out", "/tmp/x").out, "/tmp/x");
});

for (const [args, message] of [
  [["createz"], 'there is no "createz", the nearest is "creates"'],
  [["--quack"], "there is no option --quack, the nearest is --quick"],
  [["--rounds", "0"], '--rounds must be a whole number from 1 to 100, not "0"'],
  [["--rounds", "many"], '--rounds must be a whole number from 1 to 100, not "many"'],
  [["--seconds", "1.5"], '--seconds must be a whole number from 1 to 600, not "1.5"'],
] as const)
  test(`${args.join(" ")} is refused in one sentence`, (t) => {
    t.throws(() => asked(...args), {
      instanceOf: UsageError,
      message: `Cannot run bench: ${message} (--help tells what there is)`,
    });
  });

test("each create asks for an address of its own, and the same one when told so", (t) => {
  const next = requestsOf({ kind: "create", prefix: "p" });
  const bodies = [next(), next()].map(({ body }) => JSON.parse(body ?? "") as { primarySmtp: string });
  t.deepEqual(
    bodies.map(({ primarySmtp }) => primarySmtp),
    ["p-1@bench.example", "p-2@bench.example"],
  );
  const same = requestsOf({ kind: "create-same", address: "a@b.example" });
  t.is((JSON.parse(same().body ?? "") as { primarySmtp: string }).primarySmtp, "a@b.example");
  t.is((JSON.parse(same().body ?? "") as { primarySmtp: string }).primarySmtp, "a@b.example");
});

test("each keyed create has a key of its own, and says so in its head", (t) => {
  const next = requestsOf({ kind: "create-keyed", prefix: "p" });
  const heads = [next(), next()].map(headersOf);
  t.deepEqual(heads[0], { "content-type": "application/json", "idempotency-key": "p-1" });
  t.is(heads[1]?.["idempotency-key"], "p-2");
});

test("a synchronisation looks for each user, then patches the same one", (t) => {
  const users = [
    { id: "1", name: "ann@x.example" },
    { id: "2", name: "ben@x.example" },
  ];
  const next = requestsOf({ kind: "scim-sync", users });
  t.deepEqual(
    [next(), next(), next(), next()].map(({ method, path }) => `${method} ${decodeURIComponent(path)}`),
    [
      'GET /scim/v2/Users?filter=userName eq "ann@x.example"',
      "PATCH /scim/v2/Users/1",
      'GET /scim/v2/Users?filter=userName eq "ben@x.example"',
      "PATCH /scim/v2/Users/2",
    ],
  );
});

test("how many events and users there are is an option of its own", (t) => {
  t.is(asked("--users", "10000000").scale.usersMany, 10_000_000);
  t.is(asked("--quick", "--events", "1000000").scale.events, 1_000_000);
  t.is(asked().scale.usersMany, 100_000);
});

test("failed requests are told by what they were answered", (t) => {
  const statuses = new Map([
    ["201", 90],
    ["503", 9],
    ["no answer", 1],
    ["500", 0],
  ]);
  t.is(failuresOf(statuses), "503 × 9, no answer × 1");
});

test("updates and gets go through the users in turn", (t) => {
  for (const kind of ["update", "get"] as const) {
    const next = requestsOf({ kind, paths: ["/a", "/b"] });
    t.deepEqual([next().path, next().path].toSorted(), ["/a", "/b"]);
  }
});

test("what was started last stops first, once, and what will not stop keeps nobody", async (t) => {
  const stopped: string[] = [];
  const stops = new Stops();
  const stopFor = (name: string) => async () => {
    stopped.push(name);
  };
  stops.add(stopFor("server"));
  const early = stops.add(stopFor("early"));
  stops.add(() => Promise.reject(new Error("stuck")));
  stops.add(stopFor("system"));
  await early();
  await early();
  const faults = await stops.all();
  t.deepEqual(stopped, ["early", "system", "server"]);
  t.deepEqual(faults.map(String), ["Error: stuck"]);
  t.deepEqual(await stops.all(), []);
});

test("the end waits for what is being started", async (t) => {
  const stops = new Stops();
  const stopped: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const starting = stops.starting(promise).then(() => void stops.add(async () => void stopped.push("late")));
  const end = stops.all();
  resolve();
  await starting;
  await end;
  t.deepEqual(stopped, ["late"]);
});
