import { Migration } from "@mikro-orm/migrations";

/**
 * The generation of the versions that are written now, and the timeline (mixins/postgres/timeline.ts) for which it was
 * given: one row. What is written before the first other timeline is generation 0.
 */
export class Migration20261126000500_generations extends Migration {
  override up(): void {
    this.addSql(`create table generations (
      id int not null default 1 constraint generations_one_row_check check (id = 1),
      generation int not null,
      timeline text not null,
      begun_at timestamptz(3) not null default now(),
      primary key (id))`);
    this.addSql(`insert into generations (generation, timeline) select 0, concat_ws('/',
      (select system_identifier from pg_control_system()), left(pg_walfile_name(pg_current_wal_lsn()), 8),
      (select oid from pg_database where datname = current_database()))`);
  }

  override down(): void {
    this.addSql(`drop table generations`);
  }
}
