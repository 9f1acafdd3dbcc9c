/** What happens to PostgreSQL and its standby. */
import { poll } from "../../../mixins/basics/poll.ts";
import { databases } from "../../chaos/cluster.ts";
import { queryOnce } from "../../chaos/postgres.ts";
import { eventually } from "../../support/eventually.ts";
import { request } from "../../support/processes.ts";
import { type Member, ttlS } from "../engines/patroni.ts";
import type { Stage } from "../stage.ts";
import { type HaSystem, named } from "../system.ts";

const promotionTimeoutMs = (ttlS + 40) * 1_000;
const settleMs = 5_000;
const standbyFrozenMs = 44_000;
const primaryFrozenMs = 31_000;
const unsentMs = 6_000;
const onStandbyMs = 30_000;
const sampleMs = 1_000;
const honestTimeoutMs = 15_000;

/** Resolves when somebody else is the primary. */
function promoted({ patroni }: HaSystem, before: Member): Promise<Member> {
  return eventually(
    async () => {
      const now = await patroni.primary();
      if (now.name === before.name) throw new Error(`${before.name} is the primary still`);
      return now;
    },
    { timeoutMs: promotionTimeoutMs },
  );
}

export async function killPrimary({ system, fault, rest }: Stage): Promise<void> {
  const primary = await system.patroni.primary();
  await fault(`kill the primary ${primary.name} and its Patroni`, () => primary.kill());
  await promoted(system, primary);
  await rest(settleMs);
  await primary.start();
  await system.patroni.whole();
  await system.ready();
}

export async function switchOver({ system, fault, rest }: Stage): Promise<void> {
  await fault("switch over", () => system.patroni.switchover());
  await system.patroni.whole();
  await system.ready();
  await rest(settleMs);
}

export async function freezePrimary({ system, fault, rest }: Stage): Promise<void> {
  const primary = await system.patroni.primary();
  await fault(`freeze the primary ${primary.name} and its Patroni`, () => primary.freeze());
  await rest(primaryFrozenMs);
  await fault(`thaw ${primary.name}`, () => primary.thaw());
  await system.patroni.whole();
  await system.ready();
}

/** The connections that our pools may open, as their processes say. */
async function poolsMax({ roles }: HaSystem): Promise<number> {
  let sum = 0;
  for (const { opsUrl } of roles.values()) {
    const { text } = await request(`${opsUrl}/metrics`);
    for (const [, value] of text.matchAll(/^database_pool_connections_max\{.*\} (\d+)$/gm))
      sum += Number(value);
  }
  return sum;
}

const oursSql =
  "select count(*)::int as count from pg_stat_activity where application_name like 'mailroster%'";

/** The server may have none left to ask over: then they are all in use. */
async function connections(member: Member): Promise<number> {
  const asked = queryOnce<{ count: number }>(member.url("postgres"), oursSql);
  return asked.then(
    ([row]) => row?.count ?? 0,
    () => Number.POSITIVE_INFINITY,
  );
}

export async function freezeStandby({ system, fault, measure, elapsedMs }: Stage): Promise<void> {
  const [primary, standby] = [await system.patroni.primary(), await system.patroni.standby()];
  const allowed = await poolsMax(system);
  await fault(`freeze the synchronous standby ${standby.name}`, () => standby.freeze());
  const untilMs = elapsedMs() + standbyFrozenMs;
  let most = 0;
  await poll(
    async () => {
      most = Math.max(most, await connections(primary));
    },
    () => elapsedMs() > untilMs,
    { everyMs: sampleMs, maxMs: standbyFrozenMs },
  );
  standby.thaw();
  measure("connectionsOverPools", Math.max(0, most - allowed));
  await system.patroni.whole();
  await system.ready();
}

/** The recipe of a loss: the standby gets nothing for a while, and the primary dies with what it has not sent. */
export async function loseUnsent(stage: Stage): Promise<void> {
  const { system, fault, rest } = stage;
  await system.patroni.configure({ synchronous_mode: false });
  await system.patroni.whole();
  const primary = await system.patroni.primary();
  await rest(settleMs);
  await fault(`hold back what ${primary.name} sends`, () => primary.freeze(/walsender/));
  await rest(unsentMs);
  await fault(`kill ${primary.name} with what it has not sent`, () => primary.kill());
  await promoted(system, primary);
  await rest(settleMs);
  await primary.start();
  await system.patroni.configure({ synchronous_mode: true });
  await system.patroni.whole();
  await system.ready();
}

/** A users process and an outbox go on with the server that they name, which is a standby now. */
export async function strandOnStandby(stage: Stage): Promise<void> {
  const { system, fault, measure, rest, observer } = stage;
  await fault("switch over, under processes that name one server", () => system.patroni.switchover());
  await rest(onStandbyMs);
  let honest = 0;
  for (const name of named) {
    const { status } = await request(`${system.role(name).opsUrl}/health/ready`);
    if (status !== 200) honest += 1;
  }
  measure("calledReady", named.length - honest);
  const deliveries = Map.groupBy(await observer.read(), ({ id }) => id);
  measure("oneEventTimes", Math.max(0, ...[...deliveries.values()].map(({ length }) => length)));
  await fault("switch back", () => system.patroni.switchover());
  await system.patroni.whole();
  await eventually(() => system.ready(), { timeoutMs: honestTimeoutMs });
}

/** Rows of the registry whose user is not there: addresses that nobody can ever have. */
export async function blockedAddresses({ postgres }: HaSystem): Promise<number> {
  const users = await postgres.query<{ id: string }>(databases.users, "select id from users");
  const held = await postgres.query<{ userId: string }>(
    databases.registry,
    `select user_id as "userId" from addresses where status <> 'reserved'`,
  );
  const known = new Set(users.map(({ id }) => id));
  return held.filter(({ userId }) => !known.has(userId)).length;
}
