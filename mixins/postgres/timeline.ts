/**
 * Which history of its data a server is on. A standby that is promoted begins another timeline; a dump that is restored
 * comes into another cluster, or into another database of it: all of them are in the text.
 */
import { sql } from "kysely";
import type { Statement } from "./statement.ts";

/**
 * null on a standby. The timeline is that of the next record of the log: after a promotion pg_control_checkpoint() tells
 * the old one until its first checkpoint is done. 20 to 40 µs, most of it for reading pg_control. A sub-select, so that it
 * is asked once a statement.
 */
export const currentTimeline: Statement = sql`(select case when pg_is_in_recovery() then null else concat_ws('/',
  (select system_identifier from pg_control_system()), left(pg_walfile_name(pg_current_wal_lsn()), 8),
  (select oid from pg_database where datname = current_database())) end)`;
