/**
 * How many events a second leave the outbox when the bus costs nothing? Run by hand: `npm exec -c 'node test/benchmark/relay-rate.ts'`.
 * For comparing two versions of the relay on one machine; prints each round and the median.
 */
import { eventually } from "../support/eventually.ts";
import { outboxRig } from "../support/outbox-rig.ts";
import { RecordingBus } from "../support/recording-bus.ts";

const events = 30_000;
const rounds = 5;
const timeoutMs = 120_000;

const rig = await outboxRig();
try {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await rig.pool.query(
      `insert into outbox (partition, aggregate_id, event_id, type, correlation_id, body)
       select n % 64, gen_random_uuid(), gen_random_uuid(), 'user.updated.v1', gen_random_uuid()::text, repeat('x', 900)
       from generate_series(1, $1::int) n`,
      [events],
    );
    await rig.pool.query("vacuum analyze outbox");
    await rig.pool.query("checkpoint");
    const start = performance.now();
    const { stop } = await rig.startRelay(new RecordingBus());
    await eventually(
      async () => {
        if ((await rig.rowsLeft()) > 0) throw new Error("Events are left");
      },
      { timeoutMs },
    );
    const rate = Math.round(events / ((performance.now() - start) / 1000));
    await stop();
    rates.push(rate);
    console.log(`round ${round + 1}: ${rate} events/s`);
  }
  console.log(`median: ${rates.toSorted((a, b) => a - b)[rounds >> 1]} events/s`);
} finally {
  await rig.close();
}
