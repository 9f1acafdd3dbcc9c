/** Looks at one database without changing it: version, clock, standbys, migrations, and in users' the outbox and the dead letters. */
import type pg from "pg";
import { counted } from "../../../mixins/basics/plural.ts";
import { wireOf } from "../../../mixins/patches/pg-client.ts";
import { type DatabaseClient, openClient } from "../../../mixins/postgres/database-client.ts";
import { migrationState } from "../../runtime/migrations.ts";
import type { DatabaseTarget } from "../../runtime/prepare-databases.ts";
import { reasonOf, serverOf } from "../../runtime/reasons.ts";
import { type Finding, hint, ok, okIf, problem } from "./findings.ts";
import { type Replication, replicationQuery, standbyFindings } from "./standby.ts";

const connectTimeoutMs = 3_000;
const statementTimeoutMs = 5_000;
/** Holds and terms compare the clocks of processes; the shortest of them is a hold's minute. */
const clockSkewMaxMs = 2_000;
/** An event leaves within milliseconds; the relay's slowest poll is 5 s. */
const outboxAgeMaxS = 60;
const outboxCountMax = 1_000_000;

type Query = <Row extends object>(text: string, values?: unknown[]) => Promise<Row[]>;

async function clock(name: string, query: Query): Promise<Finding[]> {
  const before = Date.now();
  const [row] = await query<{ version: string; ms: number }>(
    "select current_setting('server_version') as version, extract(epoch from clock_timestamp())::float8 * 1000 as ms",
  );
  const halfTripMs = (Date.now() - before) / 2;
  const skewMs = Math.round((row?.ms ?? 0) - before - halfTripMs) || 0; // never -0
  return [
    ok(`${name} database`, `PostgreSQL ${row?.version} answers`),
    okIf(
      Math.abs(skewMs) <= clockSkewMaxMs,
      `${name} clock`,
      `${skewMs} ms from this machine's`,
      "synchronise the clocks (NTP): terms, holds and times in answers depend on them",
    ),
  ];
}

async function migrations({ name }: DatabaseTarget, query: Query): Promise<Finding> {
  const part = `${name} migrations`;
  const { applied, pending, foreign } = await migrationState(name, query);
  if (pending.length > 0)
    return problem(
      part,
      `${pending.length} pending: ${pending.join(", ")}`,
      "npm run migrate, or start the system",
      ["system"],
    );
  if (foreign.length > 0)
    return problem(
      part,
      `${foreign.join(", ")} is not of this release`,
      "run the release that made it: this one is older",
    );
  return ok(part, `${applied.length} applied, none pending`);
}

async function outbox(query: Query): Promise<Finding> {
  const [row] = await query<{ waiting: number; age: number }>(
    `select count(*)::int as waiting, coalesce(extract(epoch from now() - min(created_at)), 0)::float8 as age
     from (select created_at from outbox limit ${outboxCountMax}) o`,
  );
  const { waiting = 0, age = 0 } = row ?? {};
  return okIf(
    age <= outboxAgeMaxS,
    "outbox",
    waiting === 0
      ? "empty"
      : `${counted(waiting, "event waits", "events wait")}, the oldest for ${Math.round(age)} s`,
    "the relay does not publish: see the lines of service outbox",
    ["system", "services", "RabbitMQ"],
  );
}

async function deadLetters(query: Query): Promise<Finding> {
  const rows = await query<{ queue: string; pending: number }>(
    "select queue, count(*)::int as pending from dead_letters where status = 'pending' group by queue order by queue",
  );
  return okIf(
    rows.length === 0,
    "dead letters",
    rows.map(({ queue, pending }) => `${pending} of ${queue}`).join(", ") || "none pending",
    "GET /dead-letters tells why; replay or discard each",
  );
}

/** The migration makes the index where it can (ADR 0059). */
async function searches(query: Query): Promise<Finding> {
  const [row] = await query<{ indexed: boolean }>(
    "select exists (select 1 from pg_index where indexrelid = to_regclass('users_search_text_trgm') and indisvalid) as indexed",
  );
  return row?.indexed
    ? ok("searches", "by an index")
    : hint(
        "searches",
        "without an index: in a large directory a search for a rare text is refused (search-too-slow)",
        "as its owner, in the users database: create extension pg_trgm; create index concurrently users_search_text_trgm on users using gin (search_text gin_trgm_ops)",
      );
}

/** Of this client's own connection: behind a pooler the server knows only the pooler's. */
function encryption({ name }: DatabaseTarget, client: pg.Client): Finding {
  const { stream } = wireOf(client);
  const says = stream.getProtocol === undefined ? "in clear text" : `encrypted (${stream.getProtocol()})`;
  if (stream.getProtocol === undefined) return ok(`${name} connection`, says);
  return ok(
    `${name} connection`,
    `${says}, its certificate is ${stream.authorized === true ? "checked" : "not checked"}`,
  );
}

async function examine(target: DatabaseTarget, query: Query): Promise<Finding[]> {
  const findings = await clock(target.name, query);
  const [replication] = await query<Replication>(replicationQuery);
  if (replication !== undefined) findings.push(...standbyFindings(target.name, replication));
  const schema = await migrations(target, query);
  findings.push(schema);
  if (target.name === "users" && schema.status === "ok")
    findings.push(await outbox(query), await deadLetters(query), await searches(query));
  return findings;
}

/** Never rejects. */
export async function examineDatabase(target: DatabaseTarget): Promise<Finding[]> {
  let client: DatabaseClient | undefined;
  try {
    const options = {
      application_name: "mailroster-doctor",
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: statementTimeoutMs,
    };
    const opened = await openClient(target.url, options, target.reading);
    client = opened;
    const findings = await examine(target, async <Row extends object>(text: string, values?: unknown[]) => {
      const { rows } = await opened.query<Row>(text, values);
      return rows;
    });
    return [encryption(target, opened), ...findings];
  } catch (error) {
    return [
      problem(
        `${target.name} database`,
        `PostgreSQL at ${serverOf(target.url)} ${reasonOf(error)}`,
        `see that its server runs and that ${target.variable} is right`,
      ),
    ];
  } finally {
    await client?.end().catch(() => {});
  }
}
