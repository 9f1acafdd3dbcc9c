/**
 * Events handled end to end: a backlog of rows that were committed here takes its effect in a database there, like beside
 * like: inside PostgreSQL, and over RabbitMQ.
 */
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { type ChaosPostgres, chaosPostgres } from "../../chaos/postgres.ts";
import { commitsOf, rateOf } from "../harness/commits.ts";
import { clearPublished, clearQueues, clearRegistry, openStage } from "../harness/drain.ts";
import { appendToOutbox, newUserEvents } from "../harness/events.ts";
import { host } from "../harness/hosted.ts";
import { type Bench, type Goal, type Outcome, type Part, type Row, rowOf } from "../harness/part.ts";
import type { Place } from "../harness/place.ts";
import { interleaved } from "../harness/rounds.ts";
import { placeFor } from "../harness/servers.ts";
import { startEventPath, startScript } from "../harness/systems.ts";
import { graphileWorker } from "../peers/graphile-worker.ts";
import { arrivedPercent, type MoleculerPair, moleculerPair } from "../peers/moleculer.ts";
import { effectsTable, type Peer } from "../peers/peer.ts";
import { pgBoss } from "../peers/pg-boss.ts";
import { pgTransactionalOutbox } from "../peers/pg-transactional-outbox.ts";

const pollMs = 100;
/** Until it has found the backlog, by its poll; that is no part of the rate. */
const firstEffectMsMax = 30_000;
const ours = {
  one: "mailroster, embedded, one consumer",
  embedded: "mailroster, embedded, with the audit log",
  rabbitMq: "mailroster over RabbitMQ",
} as const;
const bareName = "bare outbox, confirm publish, batching consumer";
const peers: readonly Peer[] = [...pgTransactionalOutbox, ...graphileWorker, ...pgBoss];

interface Subject {
  readonly name: string;
  measure(round: number): Promise<number>;
  close?(): Promise<void>;
}

/**
 * Effects a second by their commits, when all are there or the time since the first is over: a slow peer is measured by
 * what it has done until then.
 */
async function handled(
  { scale }: Bench,
  effects: pg.Pool,
  table: string,
  start: () => Promise<unknown>,
): Promise<number> {
  let startedAt = performance.now();
  await start();
  const counted = `select count(*)::int as n from ${table}`;
  let waitsUntil = performance.now() + firstEffectMsMax;
  for (;;) {
    const { rows } = await effects.query<{ n: number }>(counted);
    const count = rows[0]?.n ?? 0;
    if (count === 0 && performance.now() < waitsUntil) {
      startedAt = performance.now();
      await delay(pollMs);
      continue;
    }
    waitsUntil = 0;
    const seconds = (performance.now() - startedAt) / 1_000;
    if (count < scale.peerBacklog && seconds < scale.peerSecondsMax) {
      await delay(pollMs);
      continue;
    }
    const rate = rateOf(await commitsOf(effects, table));
    return Number.isNaN(rate) ? count / seconds : rate;
  }
}

/** A backlog in an outbox; what `run` starts finds it by its poll. */
const outboxSubject = (
  bench: Bench,
  name: string,
  stage: Emptied,
  stop: () => Promise<unknown>,
): Subject => ({
  name,
  async measure() {
    await stage.clear();
    const append = () => appendToOutbox(stage.place.users, newUserEvents(bench.scale.peerBacklog));
    return handled(bench, stage.place.registry, "watermarks", append);
  },
  async close() {
    await stop();
    await stage.close();
  },
});

interface Emptied {
  readonly place: Place;
  clear(): Promise<unknown>;
  close(): Promise<void>;
}

async function brokered(bench: Bench, name: string): Promise<Emptied> {
  const stage = await openStage(bench.servers, name);
  const clear = async () => {
    await clearQueues(stage);
    await clearRegistry(stage);
    await clearPublished(stage);
  };
  return { place: stage.place, clear, close: () => stage.close() };
}

/** Outbox and consumers in this process, as the peers' workers are. */
async function embedded(bench: Bench, name: string, only?: "smtp-registry"): Promise<Subject> {
  const { servers } = bench;
  const place = await placeFor(servers, only === undefined ? "peers_embedded" : "peers_one", {
    broker: false,
  });
  const names = ["outbox", "smtp-registry", ...(only === undefined ? (["audit"] as const) : [])] as const;
  const hosted = await host(servers, place, names, only);
  const clear = async () => {
    await clearRegistry({ place });
    await clearPublished({ place });
  };
  return outboxSubject(bench, name, { place, clear, close: async () => {} }, () => hosted.stop());
}

async function overRabbitMq(bench: Bench): Promise<Subject> {
  const stage = await brokered(bench, "peers_mailroster");
  const path = await startEventPath(bench.servers, stage.place);
  return outboxSubject(bench, ours.rabbitMq, stage, () => path.stop());
}

/** The reference's relay and its consumer, in two processes as ours. */
async function bare(bench: Bench): Promise<Subject> {
  const stage = await brokered(bench, "peers_bare");
  const { place } = stage;
  const start = (ROLES: string) =>
    startScript(bench.servers, "test/benchmark/reference/main.ts", {
      ROLES,
      DATABASE_URL: place.usersUrl,
      REGISTRY_DATABASE_URL: place.registryUrl,
      AMQP_URL: place.amqpUrl,
    });
  const [relay, projection] = [await start("relay"), await start("projection")];
  return outboxSubject(bench, bareName, stage, () => Promise.all([relay.stop(), projection.stop()]));
}

const subjectOf = (bench: Bench, logical: ChaosPostgres, peer: Peer, index: number): Subject => ({
  name: peer.name,
  async measure(round) {
    const { postgres, stops } = bench.servers;
    const home = peer.isLogical === true ? logical : postgres;
    const names = [`peer_${index}_${round}`, `peer_${index}_${round}_effects`] as const;
    await home.query("postgres", `create database ${names[0]}`);
    await postgres.query("postgres", `create database ${names[1]}`);
    await postgres.query(names[1], effectsTable);
    const queue = new pg.Pool({ connectionString: home.url(names[0]), max: 2 });
    const effects = new pg.Pool({ connectionString: postgres.url(names[1]), max: 25 });
    const close = stops.add(() => Promise.all([queue.end(), effects.end()]));
    let stop: () => Promise<void> = () => Promise.resolve();
    try {
      await peer.fill(queue, home.url(names[0]), bench.scale.peerBacklog);
      await queue.query("vacuum analyze");
      return await handled(bench, effects, "effects", async () => {
        stop = await peer.start(home.url(names[0]), effects);
      });
    } finally {
      await stop();
      await close();
      // Never by force: a peer that is still letting go of its connections would fall over that.
      if (peer.isLogical === true) await home.query("postgres", dropSlots).catch(() => {});
      await home.query("postgres", `drop database ${names[0]}`).catch(() => {});
      await postgres.query("postgres", `drop database ${names[1]}`).catch(() => {});
    }
  },
});

const moleculerSubject = (bench: Bench, pair: MoleculerPair): Subject => ({
  name: "Moleculer's events, default transporter",
  async measure() {
    await pair.effects.query("truncate effects");
    return handled(bench, pair.effects, "effects", () => pair.emit(bench.scale.peerBacklog));
  },
});

/** How many times as fast ours is, beside whom. */
const goals: Readonly<Record<string, Goal>> = {
  "pg-transactional-outbox, tuned": { atLeast: 1 },
  "pg-transactional-outbox by replication, tuned": { atLeast: 1 },
  "graphile-worker, tuned": { atLeast: 2 },
  "pg-boss, tuned": { atLeast: 1 },
};

/** How many times as fast we are: a ratio that is compared with a bound from below must have us above the line. */
function timesRow(name: string, own: readonly number[], theirs: readonly number[]): Row {
  const goal = goals[name];
  const row = rowOf(name, "/s", theirs);
  const { ratio } = rowOf(name, "×", own, { reference: theirs });
  return { ...row, ...(ratio === undefined ? {} : { ratio }), ...(goal === undefined ? {} : { goal }) };
}

async function moleculerRows(bench: Bench, pair: MoleculerPair): Promise<Row[]> {
  const { servers, scale } = bench;
  bench.progress("Moleculer's events while their receiver is killed");
  const arrived = await arrivedPercent(pair, scale.peerBacklog);
  const ours = await moleculerPair(servers, await placeFor(servers, "peers_moleculer_ours"), "mailroster");
  const subjects = [
    { name: "Moleculer's calls, default transporter", pair },
    { name: "Moleculer's calls, with mailroster's settings", pair: ours },
  ];
  const rates = await interleaved(bench, subjects, (subject) => subject.pair.calls(scale.seconds));
  await ours.close();
  const [first, second] = subjects.map(({ name }) => rates(name));
  return [
    rowOf("Moleculer's events, receiver killed and started again: took effect", "%", [arrived], {
      note: `of ${scale.peerBacklog} emitted; at most once. mailroster's: all, whatever is killed (npm run chaos)`,
    }),
    rowOf(subjects[0]?.name ?? "", "calls/s", first ?? [], { note: "prefetch 1, Nagle's algorithm on" }),
    rowOf(subjects[1]?.name ?? "", "calls/s", second ?? [], { reference: first ?? [] }),
  ];
}

/** Without a slot that nobody reads: it would keep the log. */
const dropSlots = "select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active";

/** For peers that read the log; what they write in their effects' database is on the run's server like everybody's. */
async function logicalServer({ servers }: Bench): Promise<ChaosPostgres> {
  const logical = await servers.stops.starting(chaosPostgres(["wal_level=logical", "shared_buffers=256MB"]));
  servers.stops.add(() => logical.remove());
  await logical.start();
  return logical;
}

export const peersPart: Part = {
  name: "peers",
  title: "Peers: committed here → its effect in a database there",
  about:
    "Inside PostgreSQL: the peers beside mailroster embedded, without a broker, all in the harness's process; the ratio says how many times as fast mailroster with one consumer is, which has the same effect, one row in another database. As documented: the defaults, or the example of the documentation; tuned: as far as their options go. Over RabbitMQ: mailroster's relay and consumer beside a bare outbox, confirm publish and batching consumer, each in two processes; there the ratio is mailroster's to the bare one.",
  async run(bench): Promise<Outcome> {
    const place = await placeFor(bench.servers, "peers_moleculer");
    const pair = await moleculerPair(bench.servers, place, "default");
    const logical = await logicalServer(bench);
    const own = [
      await embedded(bench, ours.one, "smtp-registry"),
      await embedded(bench, ours.embedded),
      await bare(bench),
      await overRabbitMq(bench),
    ];
    const inside = peers.map((peer, index) => subjectOf(bench, logical, peer, index));
    const moleculer = moleculerSubject(bench, pair);
    const rates = await interleaved(bench, [...own, ...inside, moleculer], (subject, round) =>
      subject.measure(round),
    );
    const rows = [
      rowOf(ours.one, "/s", rates(ours.one)),
      rowOf(ours.embedded, "/s", rates(ours.embedded)),
      ...inside.map(({ name }) => timesRow(name, rates(ours.one), rates(name))),
      rowOf(bareName, "/s", rates(bareName)),
      rowOf(ours.rabbitMq, "/s", rates(ours.rabbitMq), {
        reference: rates(bareName),
        goal: { atLeast: 0.8 },
      }),
      timesRow(moleculer.name, rates(ours.rabbitMq), rates(moleculer.name)),
    ];
    const more = await moleculerRows(bench, pair);
    for (const subject of own) await subject.close?.();
    await pair.close();
    await logical.remove();
    return { rows: [...rows, ...more], figures: [] };
  },
};
