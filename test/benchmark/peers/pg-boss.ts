/** pg-boss: jobs in PostgreSQL, `insert` with the caller's connection. */
import { PgBoss } from "pg-boss";
import { bodySql, type Peer, takeEffect } from "./peer.ts";

const queueName = "effects";
const rowsPerInsert = 1_000;

async function boss(connectionString: string): Promise<PgBoss> {
  const made = new PgBoss({ connectionString, schedule: false });
  made.on("error", (error: unknown) => process.stderr.write(`${error}\n`));
  await made.start();
  return made;
}

const peer = (name: string, options: Parameters<PgBoss["work"]>[1]): Peer => ({
  name,
  async fill(queue, connectionString, count) {
    const made = await boss(connectionString);
    await made.createQueue(queueName);
    for (let left = count; left > 0; left -= rowsPerInsert) {
      const { rows } = await queue.query<{ body: object }>(
        `select ${bodySql} as body from generate_series(1, $1::int)`,
        [Math.min(left, rowsPerInsert)],
      );
      await made.insert(
        queueName,
        rows.map(({ body }) => ({ data: body })),
      );
    }
    await made.stop({ graceful: false });
  },
  async start(connectionString, effects) {
    const made = await boss(connectionString);
    await made.work(queueName, options, (jobs) =>
      takeEffect(
        effects,
        jobs.map(({ data }) => data),
      ),
    );
    return () => made.stop({ graceful: true, timeout: 10_000 });
  },
});

export const pgBoss = [
  // The defaults: one job every two seconds.
  peer("pg-boss, as documented", {}),
  // As large batches as help, fetched on end while they come back full, by several workers.
  peer("pg-boss, tuned", {
    batchSize: 1_000,
    burstWhenBatchFull: true,
    pollingIntervalSeconds: 0.5,
    localConcurrency: 2,
  }),
];
