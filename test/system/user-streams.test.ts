/**
 * A stream of all users out of three processes over RabbitMQ, on either runtime: it is whole, the same as out of one
 * process, and a reader that takes nothing for a while makes nobody keep it in memory.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import test from "ava";
import pg from "pg";
import { pause } from "../../mixins/basics/pause.ts";
import { poll } from "../../mixins/basics/poll.ts";
import { residentMb } from "../benchmark/harness/cpu.ts";
import { runningSystem, stopsInOrder } from "../support/distributed-system.ts";
import { Processes, runtimes } from "../support/processes.ts";

/** Each of 4 KB: 52 MB in all, of which the kernel holds some, and a page is 0.8 MB. */
const usersCount = 12_000;
const secondariesCount = 80;
/** Of growth while nobody reads: a few pages, and the 16 MB that a young heap may take before it is collected. */
const growthMbMax = 25;
const forms = ["text/csv", "application/x-ndjson"] as const;
const unreadMs = 10_000;
const slowEveryBytes = 1_000_000;

interface Streamed {
  readonly lines: number;
  readonly digest: string;
  readonly isWhole: boolean;
}

async function open(url: string, accept: string): Promise<IncomingMessage> {
  const asked = request(`${url}/users`, { headers: { accept }, agent: false });
  asked.end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  return answer;
}

/** To its end, with a pause after each piece of this length. */
async function read(answer: IncomingMessage, pauseMs = 0): Promise<Streamed> {
  const hash = createHash("sha256");
  let [lines, bytes] = [0, 0];
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    hash.update(chunk);
    for (const byte of chunk) if (byte === 10) lines += 1;
    bytes += chunk.length;
    if (bytes < slowEveryBytes || pauseMs === 0) continue;
    bytes = 0;
    await pause(pauseMs, new AbortController().signal);
  }
  return { lines, digest: hash.digest("hex"), isWhole: answer.complete };
}

/** In the users' rows alone, which is all that a list reads. */
const insertUsers = (pool: pg.Pool) =>
  pool.query(
    `insert into users (id, display_name, primary_smtp, secondary_smtps, version, created_at, updated_at, search_text)
     select ('0199aaaa-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Üser "' || n || '", Dr.', 'u' || n || '@many.example',
       array(select 'another-address-of-a-user-' || n || '-' || s || '@many.example' from generate_series(1, $2::int) s),
       1, now(), now(), 'user' from generate_series(1, $1::int) n`,
    [usersCount, secondariesCount],
  );

for (const runtime of runtimes)
  test.serial(`on ${runtime} over RabbitMQ a stream is what one process streams, and waits`, async (t) => {
    t.timeout(300_000);
    const running = await runningSystem(t, { runtime });
    const { users, registry } = running.own;
    const pool = new pg.Pool({ connectionString: users.url, max: 1 });
    await insertUsers(pool);
    await pool.end();
    const alone = new Processes();
    t.teardown(() => alone.end());
    const env = { DATABASE_URL: users.url, REGISTRY_DATABASE_URL: registry.url, DATA_DIR: alone.folder() };
    const one = await alone.start({ env });
    await one.ready();
    const { gateway } = running.system;
    let ndjson: Streamed | undefined;
    for (const form of forms) {
      const wanted = await read(await open(one.httpUrl, form));
      t.true(wanted.isWhole);
      t.is(wanted.lines, usersCount + (form === "text/csv" ? 1 : 0));
      t.deepEqual(await read(await open(gateway.httpUrl, form)), wanted, form);
      ndjson = wanted;
    }
    await alone.end();

    const before = residentMb(gateway.pid);
    const answer = await open(gateway.httpUrl, "application/x-ndjson");
    const grown = await poll(
      () => residentMb(gateway.pid) - before,
      (more) => more > growthMbMax,
      { everyMs: 250, maxMs: unreadMs },
    );
    t.false(grown > growthMbMax, `${grown} MB more, while nobody reads`);
    t.deepEqual(await read(answer, 50), ndjson as Streamed, "a slow reader gets the same");
    await stopsInOrder(t, running);
  });
