/**
 * What a user costs in bytes: rows and indexes in both databases, the log that PostgreSQL writes, the message. `npm run
 * footprint -- [users]`: the figures that docs/scaling.md calculates with.
 */
import { type CommandForm, commandLine, orExit, readNumber } from "../../services/runtime/command-line.ts";
import { Stops } from "../support/stops.ts";
import { newUserEvents } from "./harness/events.ts";
import { startServers } from "./harness/servers.ts";
import { startDistributed } from "./harness/systems.ts";
import { freshPrefix } from "./load/generator.ts";

const usersDefault = 20_000;
const connections = 32;
const secondsMax = 120;

const form: CommandForm = {
  name: "footprint",
  says: "What a user costs in bytes: rows, indexes, the log that PostgreSQL writes, the message; of 20000 users when no number is given.",
  words: { form: "[users]", max: 1 },
};
const [word = `${usersDefault}`] = commandLine(form).words;
const users = orExit(() => readNumber(form, "users", word, { min: 1, max: 10_000_000, whole: true }));
const stops = new Stops();
try {
  const servers = await startServers(stops);
  const system = await startDistributed(servers, "footprint");
  const { place } = system;
  const logPosition = async (): Promise<number> => {
    const { rows } = await place.users.query<{ at: string }>("select pg_current_wal_lsn() - '0/0' as at");
    return Number(rows[0]?.at);
  };
  const count = async (pool: typeof place.users, table: string): Promise<number> =>
    Number((await pool.query<{ n: string }>(`select count(*) as n from ${table}`)).rows[0]?.n);

  const logBefore = await logPosition();
  const end = performance.now() + secondsMax * 1_000;
  while ((await count(place.users, "users")) < users && performance.now() < end)
    await servers.load.run({
      urls: system.urls,
      work: { kind: "create", prefix: freshPrefix() },
      pace: { connections, seconds: 5 },
    });
  const made = await count(place.users, "users");
  while (
    (await count(place.registry, "watermarks")) < made ||
    (await count(place.users, "audit_entries")) < made
  )
    await new Promise((resolve) => setTimeout(resolve, 100));
  const logAfter = await logPosition();
  for (const pool of [place.users, place.registry]) {
    await pool.query("vacuum");
    const { rows } = await pool.query<{ name: string; bytes: string }>(
      "select relname as name, pg_total_relation_size(relid) as bytes from pg_stat_user_tables order by 2 desc",
    );
    for (const { name, bytes } of rows)
      if (Number(bytes) > made) console.log(`${name}: ${Math.round(Number(bytes) / made)} bytes a user`);
  }
  console.log(`write-ahead log: ${Math.round((logAfter - logBefore) / made)} bytes a create`);
  const [event] = newUserEvents(1);
  console.log(`event: ${Buffer.byteLength(JSON.stringify(event))} bytes`);
  console.log(`users: ${made}`);
} finally {
  await stops.all();
}
