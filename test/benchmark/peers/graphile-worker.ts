/** graphile-worker: jobs in PostgreSQL, `add_job` in the caller's transaction. */
import { Logger, run, runMigrations } from "graphile-worker";
import { bodySql, type Peer, takeEffect } from "./peer.ts";

/** By default it prints a line for each job. */
const logger = new Logger(() => () => {});

const peer = (name: string, options: Partial<Parameters<typeof run>[0]>): Peer => ({
  name,
  async fill(queue, connectionString, count) {
    await runMigrations({ logger, connectionString });
    await queue.query(
      `select graphile_worker.add_job('effect', ${bodySql}::json) from generate_series(1, $1::int)`,
      [count],
    );
  },
  async start(connectionString, effects) {
    const runner = await run({
      connectionString,
      logger,
      noHandleSignals: true,
      taskList: { effect: (payload: unknown) => takeEffect(effects, [payload]) },
      ...options,
    });
    return () => runner.stop();
  },
});

export const graphileWorker = [
  // The library quick start of its documentation.
  peer("graphile-worker, as documented", { concurrency: 5, pollInterval: 1_000 }),
  // The configuration behind the figures on its performance page.
  peer("graphile-worker, tuned", {
    preset: {
      worker: {
        concurrentJobs: 24,
        maxPoolSize: 25,
        localQueue: { size: 500 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      },
    },
  }),
];
