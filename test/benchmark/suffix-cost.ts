/**
 * Does the 10,000th reservation of a name cost more than the first ones? Run by hand: `node test/benchmark/suffix-cost.ts`.
 * Both names are reserved in turn, so that whatever else the machine does hits both alike. Exits 1 over `ratioMax`.
 */
import { Life, registryRig } from "../support/registry-rig.ts";

const takenRows = 10_000;
const samplesCount = 400;
const ratioMax = 1.5;

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

const rig = await registryRig();
try {
  const few = ["few@example.com"];
  const many = ["many@example.com"];
  const life = new Life(rig.now());
  await rig.apply(life.create("few@example.com", "many@example.com"));
  await rig.sql.query(
    `insert into addresses (key, address, user_id, kind, status)
     select 'many' || n || '@example.com', 'many' || n || '@example.com', gen_random_uuid(), 'primary', 'active'
     from generate_series(2, $1::int) n`,
    [takenRows],
  );
  await rig.sql.query("insert into suffixes values ('many@example.com', $1)", [takenRows + 1]);
  // The counter's row has had as many updates as the name has takers.
  for (let count = 0; count < takenRows / 100; count += 1)
    await rig.sql.query("update suffixes set next = next where base_key = 'many@example.com'");
  const times: [few: number[], many: number[]] = [[], []];
  for (let count = 0; count < samplesCount; count += 1)
    for (const [index, want] of [few, many].entries()) {
      const start = performance.now();
      await rig.reserve({ want });
      times[index]?.push(performance.now() - start);
    }
  const [start, end] = [median(times[0]), median(times[1])];
  console.log(
    `reserve: ${start.toFixed(2)} ms with few taken, ${end.toFixed(2)} ms with ${takenRows} (median), ratio ${(end / start).toFixed(2)}`,
  );
  process.exitCode = end / start > ratioMax ? 1 : 0;
} finally {
  await rig.close();
}
