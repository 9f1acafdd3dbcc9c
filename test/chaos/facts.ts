/** What the databases and the broker hold at the end of a run, read past the services and the proxies. */
import type { Change, UserEvent } from "../../services/contracts/events.ts";
import { databases } from "./cluster.ts";
import type { Observer } from "./observer.ts";
import type { ChaosPostgres } from "./postgres.ts";
import type { ChaosRabbit } from "./rabbitmq.ts";

/** What is asked, wherever it runs. */
export interface Stores {
  readonly postgres: Pick<ChaosPostgres, "query">;
  readonly rabbit: Pick<ChaosRabbit, "control">;
}

export interface UserFact {
  readonly id: string;
  readonly displayName: string;
  readonly primarySmtp: string;
  readonly secondarySmtps: readonly string[];
  readonly version: number;
  readonly deletedAt: string | null;
}

export interface AuditFact {
  readonly id: string;
  readonly userId: string;
  readonly version: number;
  readonly action: string;
  readonly correlationId: string;
  readonly changes: readonly Change[];
}

export interface AddressFact {
  readonly key: string;
  readonly address: string;
  readonly userId: string;
  readonly kind: string;
  readonly status: string;
  readonly expiresAt: string | null;
}

export interface Facts {
  readonly users: readonly UserFact[];
  readonly guards: readonly { readonly key: string; readonly userId: string }[];
  readonly audit: readonly AuditFact[];
  /** Idempotency keys that have an answer. */
  readonly answers: readonly string[];
  readonly addresses: readonly AddressFact[];
  readonly watermarks: readonly { readonly userId: string; readonly version: number }[];
  readonly ledger: readonly { readonly userId: string; readonly version: number; readonly key: string }[];
  readonly deliveries: readonly UserEvent[];
  readonly outbox: number;
  readonly deadLetters: readonly {
    readonly queue: string;
    readonly reason: string;
    readonly error: string;
  }[];
  /** Messages that lie in any queue but the observer's, by queue. */
  readonly queued: Readonly<Record<string, number>>;
  readonly readAt: string;
}

const usersSql = `
  select id, display_name as "displayName", primary_smtp as "primarySmtp", secondary_smtps as "secondarySmtps", version,
    to_char(deleted_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "deletedAt"
  from users`;
const auditSql = `
  select id, user_id as "userId", version, action, correlation_id as "correlationId", changes from audit_entries
  order by user_id, version`;
const addressesSql = `
  select key, address, user_id as "userId", kind, status,
    to_char(expires_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "expiresAt"
  from addresses`;

/** Queues of our events, with what lies there or is in a consumer's hands. */
export async function queuedMessages(cluster: Stores): Promise<Record<string, number>> {
  const listed = await cluster.rabbit.control("-q", "list_queues", "name", "messages");
  return Object.fromEntries(
    listed
      .split("\n")
      .map((line) => line.split("\t"))
      .filter(([name, count]) => /user-events/.test(name ?? "") && Number(count) > 0)
      .map(([name = "", count]) => [name, Number(count)]),
  );
}

/** Quorum queues that the broker has, and could not start again after a crash. */
export async function queuesDown(cluster: Stores): Promise<string[]> {
  const listed = await cluster.rabbit.control("-q", "list_queues", "name", "state");
  return listed.split("\n").flatMap((line) => /^(.+)\tdown$/.exec(line)?.[1] ?? []);
}

export async function readFacts(cluster: Stores, observer: Observer): Promise<Facts> {
  const users = <T>(sql: string) => cluster.postgres.query<T>(databases.users, sql);
  const registry = <T>(sql: string) => cluster.postgres.query<T>(databases.registry, sql);
  const [outbox] = await users<{ count: number }>("select count(*)::int as count from outbox");
  const answers = await users<{ key: string }>("select key from idempotency");
  return {
    users: await users(usersSql),
    guards: await users(`select key, user_id as "userId" from address_keys`),
    audit: await users(auditSql),
    answers: answers.map(({ key }) => key),
    addresses: await registry(addressesSql),
    watermarks: await registry(`select user_id as "userId", version from watermarks`),
    ledger: await registry(`select user_id as "userId", version, key from address_history`),
    deliveries: [...(await observer.read())],
    outbox: outbox?.count ?? 0,
    deadLetters: await users("select queue, reason, error from dead_letters"),
    queued: await queuedMessages(cluster),
    readAt: new Date().toISOString(),
  };
}

/** How far the consumers are behind what is committed; undefined while a database can't be asked. */
export interface Lag {
  readonly outbox: number;
  readonly oldestS: number;
  /** Users whose latest event is committed and not yet in the audit log. */
  readonly audit: number;
  /** The same for the registry's watermarks. */
  readonly registry: number;
}

export async function measureLag(cluster: Stores): Promise<Lag> {
  const [users] = await cluster.postgres.query<{
    outbox: number;
    oldest: number;
    committed: number;
    unaudited: number;
  }>(
    databases.users,
    `select (select count(*)::int from outbox) as outbox,
       (select coalesce(extract(epoch from now() - min(created_at)), 0)::float8 from outbox) as oldest,
       (select coalesce(sum(version), 0)::float8 from users) as committed,
       (select count(*)::int from users u where not exists (
         select 1 from audit_entries a where a.user_id = u.id and a.version = u.version)) as unaudited`,
  );
  const [registry] = await cluster.postgres.query<{ applied: number }>(
    databases.registry,
    "select coalesce(sum(version), 0)::float8 as applied from watermarks",
  );
  const committed = users?.committed ?? 0;
  return {
    outbox: users?.outbox ?? 0,
    oldestS: users?.oldest ?? 0,
    audit: users?.unaudited ?? 0,
    registry: committed - (registry?.applied ?? 0),
  };
}
