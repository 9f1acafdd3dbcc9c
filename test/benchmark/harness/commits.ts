/**
 * When what was committed to the users database took effect in the registry, read from PostgreSQL's own commit times
 * (`track_commit_timestamp`): one clock for both, and nothing in the systems that are measured.
 */
import type { Place, Servers } from "./servers.ts";

/** Milliseconds from the commit of a user to the commit of its state in the registry, for users created since then. */
export async function effectDelaysMs({ postgres }: Servers, place: Place, since: Date): Promise<number[]> {
  const committed = await postgres.query<{ id: string; us: string }>(
    place.usersDatabase,
    `select id::text as id, (extract(epoch from pg_xact_commit_timestamp(xmin)) * 1e6)::bigint::text as us
     from users where created_at >= '${since.toISOString()}' and version = 1`,
  );
  const applied = await postgres.query<{ id: string; us: string }>(
    place.registryDatabase,
    `select user_id::text as id, (extract(epoch from pg_xact_commit_timestamp(xmin)) * 1e6)::bigint::text as us
     from watermarks where pg_xact_commit_timestamp(xmin) >= '${since.toISOString()}'`,
  );
  const times = new Map(applied.map(({ id, us }) => [id, Number(us)]));
  return committed.flatMap(({ id, us }) => {
    const at = times.get(id);
    return at === undefined ? [] : [(at - Number(us)) / 1_000];
  });
}

/** How many users the registry still has to hear of, and how many events wait for their relay. */
export async function behind({ postgres }: Servers, place: Place): Promise<number> {
  const [users] = await postgres.query<{ count: string }>(
    place.usersDatabase,
    "select (select count(*) from users) - (select count(*) from audit_entries where version = 1) as count",
  );
  const [committed] = await postgres.query<{ count: string }>(
    place.usersDatabase,
    "select count(*) from users",
  );
  const [applied] = await postgres.query<{ count: string }>(
    place.registryDatabase,
    "select count(*) from watermarks",
  );
  return Number(users?.count ?? 0) + Number(committed?.count ?? 0) - Number(applied?.count ?? 0);
}
