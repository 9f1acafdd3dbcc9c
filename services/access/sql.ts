/** The statements over the activity that entities can't say: a sweep that steps around what is locked. */
import { sql } from "kysely";

export const forgetActivity = (before: Date, rowsMax: number) => sql`
delete from activity where id in (
  select id from activity where at < ${before} order by at limit ${rowsMax} for update skip locked)
returning 1 as deleted`;
