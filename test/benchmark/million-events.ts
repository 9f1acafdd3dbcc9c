/**
 * Do tables that should be bounded stay so, and does a claim cost the same after a million events as at the start?
 * `npm run million-events -- [--events 1000000] [--in-process]`: writes that many users' changes
 * into the users database, through the real relay, RabbitMQ and both consumers, on a PostgreSQL and a RabbitMQ of its
 * own; for a part of the run a transaction of another reader (a backup, say) holds the vacuum horizon back.
 * Exits 1 when a bounded table is not, when an event is missing, or when a claim costs more than `ratioMax` times as much.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { exitCodes } from "../../services/contracts/exits.ts";
import { type CommandForm, commandLine, numberOf, orExit } from "../../services/runtime/command-line.ts";
import { userEvent } from "../support/events.ts";
import { eventually } from "../support/eventually.ts";
import { RecordingBus } from "../support/recording-bus.ts";
import { type Cost, claimCost, eventsPerRound, type Side, timedRelay } from "./million/claims.ts";
import { startSystem } from "./million/system.ts";
import { bytesOf, isBounded, leftOver, shortenTerms, sizesOf, type TableSize } from "./million/tables.ts";
import { appendEvents, outboxColumns, termLeftS, type Writers, writers } from "./million/writers.ts";

const ratioMax = 1.5;
/** A bounded table may be so much larger at the end than it was half-way. */
const growthMax = 1.5;
const batchSize = 200;
/** So far may the consumers lag behind the writers: a production system is not loaded beyond what it can do. */
const lagMax = 4_000;
const horizonHeld = { from: 0.2, to: 0.5 };
const progressEveryMs = 5_000;
const traceDays = 7;
const drainMs = 10 * 60_000;

const form: CommandForm = {
  name: "million-events",
  says: "Sends a million changes through relay, RabbitMQ and consumers, and sees that tables stay bounded and a claim as cheap as before.",
  options: {
    events: { value: "N", says: "how many (1000000)" },
    "in-process": { says: "without RabbitMQ" },
  },
  exits: {
    [exitCodes.ok]: "as it should be",
    [exitCodes.failure]: "a bounded table is not, an event is missing, or a claim costs too much",
  },
};
const line = commandLine(form);
const eventsRange = { min: 1, max: 1_000_000_000, whole: true };
const eventsMax = orExit(() => numberOf(form, line, "events", eventsRange)) ?? 1_000_000;
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const number = (value: number, digits = 0): string =>
  value.toLocaleString("en", {
    maximumFractionDigits: digits,
    minimumFractionDigits: digits,
    signDisplay: "negative",
  });
const startedAt = performance.now();

const system = await startSystem(!line.has("in-process"), { TRACE_DAYS: `${traceDays}` });
const load: Writers = writers(system.urls.users, system.urls.registry);
const twinPool = new pg.Pool({ connectionString: system.urls.twin, max: 2 });
const pools = { users: load.users, registry: load.registry };
const events = () => Array.from({ length: eventsPerRound }, () => userEvent({ userId: randomUUID() }));

const [relay, twinRelay] = [
  await timedRelay(system.urls.users, system.bus),
  await timedRelay(system.urls.twin, new RecordingBus()),
];
const side: Side = { pool: load.users, relay, write: () => load.write(eventsPerRound) };
const twin: Side = {
  pool: twinPool,
  relay: twinRelay,
  write: () => twinPool.query(appendEvents, outboxColumns(events())),
};

/** The slower consumer's. */
const lag = async (): Promise<number> => {
  const processed = await system.processed();
  return load.written() - (processed.length < 2 ? 0 : Math.min(...processed));
};
const caughtUp = (): Promise<void> =>
  eventually(
    async () => {
      if ((await lag()) > 0) throw new Error(`${await lag()} events are on their way`);
    },
    { timeoutMs: drainMs },
  );

let toldAt = 0;
let toldEvents = 0;
async function progress(): Promise<void> {
  const now = performance.now();
  if (now - toldAt < progressEveryMs) return;
  const done = load.written();
  const share = Math.min(1, done / eventsMax);
  const rate = ((done - toldEvents) / (now - toldAt)) * 1_000;
  const bar = "#".repeat(Math.round(share * 30)).padEnd(30, ".");
  const leftS = rate > 0 ? (eventsMax - done) / rate : 0;
  print(
    `[${bar}] ${number(share * 100)} %  ${number(done)} events  ${number(rate)}/s  lag ${number(await lag())}  ${number(leftS / 60, 1)} min left`,
  );
  [toldAt, toldEvents] = [now, done];
}

async function writeUntil(count: number): Promise<void> {
  while (load.written() < count) {
    await load.write(Math.min(batchSize, count - load.written()));
    system.nudge();
    relay.relay.nudge();
    await progress();
    while ((await lag()) > lagMax) await delay(10);
  }
}

async function measured(when: string): Promise<Cost> {
  await caughtUp();
  const cost = await claimCost(side, twin, events);
  print(
    `${when}: a claim takes ${number(cost.claimMs, 2)} ms and ${number(cost.buffers)} buffers, on the untouched twin ${number(cost.referenceMs, 2)} ms (medians of ${number(cost.claims)})`,
  );
  return cost;
}

async function heldHorizon(): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: system.urls.users });
  await client.connect();
  await client.query("begin isolation level repeatable read; select count(*) from users");
  return async () => {
    await client.query("commit");
    await client.end();
  };
}

/** What had a term is over it, and the sweeps have been: nothing of it is left. */
async function settled(): Promise<ReadonlyMap<string, TableSize>> {
  await delay(termLeftS * 1_000);
  const deadline = performance.now() + drainMs;
  while ((await leftOver(pools)) > 0 && performance.now() < deadline) await delay(2_000);
  return sizesOf(pools);
}

function tableReport(half: ReadonlyMap<string, number>, end: ReadonlyMap<string, TableSize>): string[] {
  const faults: string[] = [];
  print(`\n${"table".padEnd(34)}${"rows".padStart(12)}${"kB".padStart(12)}${"kB half-way".padStart(14)}`);
  for (const [table, { rows, bytes }] of end) {
    const before = half.get(table) ?? 0;
    const isFault = isBounded(table) && (rows > 0 || bytes > before * growthMax);
    if (isFault) faults.push(`${table} is not bounded: ${rows} rows, ${bytes} bytes after ${before}`);
    print(
      `${table.padEnd(34)}${number(rows).padStart(12)}${number(bytes / 1024).padStart(12)}${number(before / 1024).padStart(14)}  ${isBounded(table) ? (isFault ? "NOT BOUNDED" : "bounded") : "grows with what is known"}`,
    );
  }
  return faults;
}

async function run(): Promise<string[]> {
  await shortenTerms(pools, traceDays, termLeftS);
  print(`PostgreSQL ${await system.postgresVersion()}, ${system.bus.kind} bus, ${number(eventsMax)} events`);
  await writeUntil(eventsMax * 0.01);
  const start = await measured("at the start");
  await writeUntil(eventsMax * horizonHeld.from);
  const release = await heldHorizon();
  print("a long transaction holds the vacuum horizon from here");
  await writeUntil(eventsMax * horizonHeld.to - eventsPerRound * 200);
  const held = await measured("with the horizon held");
  await release();
  print("the long transaction is over");
  const half = await bytesOf(pools);
  await writeUntil(eventsMax);
  const end = await measured("at the end");

  const faults = tableReport(half, await settled());
  const { rows } = await load.users.query("select count(*)::int as entries from audit_entries");
  const versions = await load.registry.query("select sum(version)::int as sum from watermarks");
  if (rows[0].entries !== load.written() || versions.rows[0].sum !== load.written())
    faults.push(`${load.written()} events, ${rows[0].entries} audited, ${versions.rows[0].sum} projected`);
  const relative = (cost: Cost): number =>
    cost.claimMs / cost.referenceMs / (start.claimMs / start.referenceMs);
  print(
    `\nevents: ${number(load.written())} written, ${number(rows[0].entries)} in the audit log, ${number(versions.rows[0].sum)} in the registry`,
  );
  for (const [when, cost] of [
    ["horizon held", held],
    ["end", end],
  ] as const) {
    print(
      `claim, ${when} to start: ${number(relative(cost), 2)} times the time (${number(cost.claimMs / start.claimMs, 2)} without the twin), ${number(cost.buffers / start.buffers, 2)} times the buffers`,
    );
    if (relative(cost) > ratioMax)
      faults.push(`A claim costs ${number(relative(cost), 2)} times as much (${when})`);
  }
  print(`took ${number((performance.now() - startedAt) / 60_000, 1)} minutes`);
  return faults;
}

try {
  const faults = await run();
  for (const fault of faults) print(`✘ ${fault}`);
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  for (const each of [relay, twinRelay]) await each.stop();
  await Promise.all([load.close(), twinPool.end()]);
  await system.stop();
}
