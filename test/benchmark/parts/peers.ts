/**
 * Events handled end to end: a backlog of rows that were committed here takes its effect in a database there. Ours goes
 * through the outbox, RabbitMQ and the registry's consumer; the peers' stays in PostgreSQL, which saves them the broker.
 */
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { appendToOutbox, newUserEvents } from "../harness/events.ts";
import { host } from "../harness/hosted.ts";
import type { Bench, Part, Row } from "../harness/part.ts";
import { placeFor } from "../harness/servers.ts";
import { sampleOf } from "../harness/stats.ts";
import { graphileWorker } from "../peers/graphile-worker.ts";
import { effectsTable, type Peer } from "../peers/peer.ts";
import { pgBoss } from "../peers/pg-boss.ts";
import { pgTransactionalOutbox } from "../peers/pg-transactional-outbox.ts";

const backlog = 20_000;
/** A slow peer is measured by what it has done until then. */
const secondsMax = 10;
const pollMs = 10;
const peers: readonly Peer[] = [...pgTransactionalOutbox, ...graphileWorker, ...pgBoss];

interface Subject {
  readonly name: string;
  measure(bench: Bench, round: number): Promise<number>;
}

/** Effects a second until all are there, or until `secondsMax`. */
async function handled(effects: pg.Pool, table: string, start: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await start();
  for (;;) {
    const { rows } = await effects.query<{ n: number }>(`select count(*)::int as n from ${table}`);
    const seconds = (performance.now() - startedAt) / 1_000;
    const count = rows[0]?.n ?? 0;
    if (count >= backlog || seconds > secondsMax) return count / seconds;
    await delay(pollMs);
  }
}

const ours: Subject = {
  name: "mailroster",
  async measure({ servers }, round) {
    const place = await placeFor(servers, `peers_ours_${round}`);
    const [users, registry] = [place.usersUrl, place.registryUrl].map(
      (connectionString) => new pg.Pool({ connectionString, max: 2 }),
    ) as [pg.Pool, pg.Pool];
    await appendToOutbox(users, newUserEvents(backlog));
    await users.query("vacuum analyze outbox");
    let hosted: Awaited<ReturnType<typeof host>> | undefined;
    try {
      return await handled(registry, "watermarks", async () => {
        hosted = await host(place, ["outbox", "smtp-registry"]);
      });
    } finally {
      await hosted?.stop();
      await Promise.all([users.end(), registry.end()]);
    }
  },
};

const subjectOf = (peer: Peer, index: number): Subject => ({
  name: peer.name,
  async measure({ servers: { postgres } }, round) {
    const [queueName, effectsName] = [`peer_${index}_${round}`, `peer_${index}_${round}_effects`];
    for (const name of [queueName, effectsName]) await postgres.query("postgres", `create database ${name}`);
    await postgres.query(effectsName, effectsTable);
    const queue = new pg.Pool({ connectionString: postgres.url(queueName), max: 2 });
    const effects = new pg.Pool({ connectionString: postgres.url(effectsName), max: 10 });
    await peer.fill(queue, postgres.url(queueName), backlog);
    await queue.query("vacuum analyze");
    let stop: (() => Promise<void>) | undefined;
    try {
      return await handled(effects, "effects", async () => {
        stop = await peer.start(postgres.url(queueName), effects);
      });
    } finally {
      await stop?.();
      await Promise.all([queue.end(), effects.end()]);
      for (const name of [queueName, effectsName])
        await postgres.query("postgres", `drop database ${name} with (force)`);
    }
  },
});

export const peersPart: Part = {
  name: "peers",
  title: `A backlog of ${backlog}: committed here → its effect in a database there`,
  async run(bench) {
    const subjects = [ours, ...peers.map(subjectOf)];
    const measured = subjects.map((): number[] => []);
    for (let round = 0; round <= bench.rounds; round += 1)
      for (const [index, subject] of subjects.entries()) {
        bench.progress(`${subject.name}, ${round === 0 ? "warm-up" : `round ${round}`}`);
        const rate = await subject.measure(bench, round);
        if (round > 0) measured[index]?.push(rate);
      }
    const own = measured[0] ?? [];
    return subjects.map(({ name }, index): Row => {
      const values = measured[index] ?? [];
      const row = { what: name, unit: "/s", sample: sampleOf(values) };
      if (index === 0) return row;
      const times = sampleOf(own.map((value, round) => value / (values[round] ?? Number.NaN)));
      const documented = name.endsWith("documented");
      return {
        ...row,
        ratio: times,
        goal: { atLeast: documented ? 10 : 1 },
        note: "ratio: mailroster to it",
      };
    });
  },
};
