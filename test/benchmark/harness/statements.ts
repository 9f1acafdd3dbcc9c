/** How many statements a database has run, as pg_stat_statements counts them. */
import type { Place } from "./place.ts";
import type { Servers } from "./servers.ts";

export interface StatementCounter {
  /** Statements so far, for each of the two databases. */
  count(): Promise<{ readonly users: number; readonly registry: number }>;
}

const counted = `
select d.datname as database, coalesce(sum(s.calls), 0)::float8 as calls
from pg_database d left join pg_stat_statements s on s.dbid = d.oid group by 1`;

/** Must be asked for before the system connects: sessions take the setting with them. */
export async function countStatements({ postgres }: Servers, place: Place): Promise<StatementCounter> {
  await postgres.query("postgres", "create extension if not exists pg_stat_statements");
  for (const database of [place.usersDatabase, place.registryDatabase]) {
    await postgres.query("postgres", `alter database ${database} set compute_query_id = on`);
    await postgres.query("postgres", `alter database ${database} set pg_stat_statements.track = 'top'`);
  }
  return {
    async count() {
      const rows = await postgres.query<{ database: string; calls: number }>("postgres", counted);
      const of = (name: string) => rows.find(({ database }) => database === name)?.calls ?? 0;
      return { users: of(place.usersDatabase), registry: of(place.registryDatabase) };
    },
  };
}
