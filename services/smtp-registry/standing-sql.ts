/** Counts over whole tables, for `standing.ts`. */
import { sql } from "kysely";

export interface CountRow {
  /** In A-labels; null: of erased users. */
  readonly domain: string | null;
  readonly users: number;
  readonly active: number;
  readonly reserved: number;
  readonly deleted: number;
  readonly quarantined: number;
}

/** One walk of the table. What was deleted up to `restorable` is quarantined, and up to `freed` free. */
export const countByDomain = (restorable: Date, freed: Date) => sql<CountRow>`
select split_part(key, '@', 2) as domain,
  count(*) filter (where status = 'active' and kind = 'primary')::int as users,
  count(*) filter (where status = 'active')::int as active,
  count(*) filter (where status = 'reserved')::int as reserved,
  count(*) filter (where status = 'deleted' and deleted_at > ${restorable}::timestamptz)::int as deleted,
  count(*) filter (where status = 'deleted' and deleted_at <= ${restorable}::timestamptz
    and deleted_at > ${freed}::timestamptz)::int as quarantined
from addresses group by 1
union all
select null, 0, 0, 0,
  count(*) filter (where deleted_at > ${restorable}::timestamptz)::int,
  count(*) filter (where deleted_at <= ${restorable}::timestamptz and deleted_at > ${freed}::timestamptz)::int
from erased_addresses where state = 'tombstone'`;
