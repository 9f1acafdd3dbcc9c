import { Migration } from "@mikro-orm/migrations";

/** What is kept of the addresses of erased users, by a keyed hash and until their terms are over. */
export class Migration20261126001000_erasure extends Migration {
  override up(): void {
    this.addSql(`alter table watermarks add column erased_at timestamptz(3)`);
    this.addSql(`
      create table erased_addresses (
        hash bytea not null,
        state text not null,
        at timestamptz(3) not null,
        deleted_at timestamptz(3) not null,
        primary key (hash, state, at),
        constraint erased_addresses_state_check check (state in ('tombstone', 'active', 'deleted', 'removed'))
      )`);
    this.addSql(`create index erased_addresses_deleted_at_idx on erased_addresses (deleted_at)`);
    this.addSql(`
      create table erasure_peppers (
        id int not null default 1 constraint erasure_peppers_one_row_check check (id = 1),
        pepper bytea not null,
        primary key (id))`);
    this.addSql(`insert into erasure_peppers (pepper)
      select decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')`);
  }

  override down(): void {
    this.addSql(`drop table erasure_peppers, erased_addresses`);
    this.addSql(`alter table watermarks drop column erased_at`);
  }
}
