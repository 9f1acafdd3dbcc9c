/**
 * Events handled end to end: a backlog of rows that were committed here takes its effect in a database there. Ours goes
 * through the outbox, RabbitMQ and the registry's consumer; the peers' stays in PostgreSQL, which saves them the broker.
 */
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { commitsOf, rateOf } from "../harness/commits.ts";
import { clearPublished, clearQueues, clearRegistry, openStage } from "../harness/drain.ts";
import { appendToOutbox, newUserEvents } from "../harness/events.ts";
import { type Bench, type Outcome, type Part, type Row, rowOf } from "../harness/part.ts";
import { interleaved } from "../harness/rounds.ts";
import { placeFor } from "../harness/servers.ts";
import { startEventPath } from "../harness/systems.ts";
import { graphileWorker } from "../peers/graphile-worker.ts";
import { arrivedPercent, type MoleculerPair, moleculerPair } from "../peers/moleculer.ts";
import { effectsTable, type Peer } from "../peers/peer.ts";
import { pgBoss } from "../peers/pg-boss.ts";
import { pgTransactionalOutbox } from "../peers/pg-transactional-outbox.ts";

const pollMs = 100;
const peers: readonly Peer[] = [...pgTransactionalOutbox, ...graphileWorker, ...pgBoss];

interface Subject {
  readonly name: string;
  measure(round: number): Promise<number>;
  close?(): Promise<void>;
}

/**
 * Effects a second by their commits, when all are there or the time is over: a slow peer is measured by what it has
 * done until then.
 */
async function handled(
  { scale }: Bench,
  effects: pg.Pool,
  table: string,
  start: () => Promise<unknown>,
): Promise<number> {
  const startedAt = performance.now();
  await start();
  const counted = `select count(*)::int as n from ${table}`;
  for (;;) {
    const { rows } = await effects.query<{ n: number }>(counted);
    const seconds = (performance.now() - startedAt) / 1_000;
    const count = rows[0]?.n ?? 0;
    if (count < scale.peerBacklog && seconds < scale.peerSecondsMax) {
      await delay(pollMs);
      continue;
    }
    const rate = rateOf(await commitsOf(effects, table));
    return Number.isNaN(rate) ? count / seconds : rate;
  }
}

async function mailroster(bench: Bench): Promise<Subject> {
  const stage = await openStage(bench.servers, "peers_mailroster");
  const { users, registry } = stage.place;
  const path = await startEventPath(bench.servers, stage.place);
  return {
    name: "mailroster",
    async measure() {
      await clearQueues(stage);
      await clearRegistry(stage);
      await clearPublished(stage);
      // Nobody nudges: the relay finds them by its poll.
      const append = () => appendToOutbox(users, newUserEvents(bench.scale.peerBacklog));
      return handled(bench, registry, "watermarks", append);
    },
    async close() {
      await path.stop();
      await stage.close();
    },
  };
}

const subjectOf = (bench: Bench, peer: Peer, index: number): Subject => ({
  name: peer.name,
  async measure(round) {
    const { postgres, stops } = bench.servers;
    const names = [`peer_${index}_${round}`, `peer_${index}_${round}_effects`] as const;
    for (const name of names) await postgres.query("postgres", `create database ${name}`);
    await postgres.query(names[1], effectsTable);
    const queue = new pg.Pool({ connectionString: postgres.url(names[0]), max: 2 });
    const effects = new pg.Pool({ connectionString: postgres.url(names[1]), max: 25 });
    const close = stops.add(() => Promise.all([queue.end(), effects.end()]));
    let stop: () => Promise<void> = () => Promise.resolve();
    try {
      await peer.fill(queue, postgres.url(names[0]), bench.scale.peerBacklog);
      await queue.query("vacuum analyze");
      return await handled(bench, effects, "effects", async () => {
        stop = await peer.start(postgres.url(names[0]), effects);
      });
    } finally {
      await stop();
      await close();
      // Never by force: a peer that is still letting go of its connections would fall over that.
      for (const name of names) await postgres.query("postgres", `drop database ${name}`).catch(() => {});
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

const goalOf = (name: string) => {
  if (name.endsWith(", as documented")) return { atLeast: 10 };
  return name.endsWith(", tuned") ? { atLeast: 1 } : undefined;
};

/** How many times as fast we are: a ratio that is compared with a bound from below must have us above the line. */
function timesRow(name: string, own: readonly number[], theirs: readonly number[]): Row {
  const goal = goalOf(name);
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

export const peersPart: Part = {
  name: "peers",
  title: "Peers: committed here → its effect in a database there",
  about:
    "The ratio says how many times as fast mailroster is. As documented: the defaults, or the example of the documentation; tuned: as far as their options go. Peers stay inside PostgreSQL, mailroster goes through RabbitMQ.",
  async run(bench): Promise<Outcome> {
    const place = await placeFor(bench.servers, "peers_moleculer");
    const pair = await moleculerPair(bench.servers, place, "default");
    const own = await mailroster(bench);
    const subjects = [
      own,
      ...peers.map((peer, index) => subjectOf(bench, peer, index)),
      moleculerSubject(bench, pair),
    ];
    const rates = await interleaved(bench, subjects, (subject, round) => subject.measure(round));
    const rows = subjects.map(({ name }) =>
      name === own.name ? rowOf(name, "/s", rates(name)) : timesRow(name, rates(own.name), rates(name)),
    );
    const more = await moleculerRows(bench, pair);
    await own.close?.();
    await pair.close();
    return { rows: [...rows, ...more], figures: [] };
  },
};
