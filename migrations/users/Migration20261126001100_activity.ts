import { Migration } from "@mikro-orm/migrations";

/**
 * The activity is asked for by who did something and by what it was done to, and is never changed. Texts in it are
 * hashes under a key of 244 random bits that is made here and leaves the database by no action.
 */
export class Migration20261126001100_activity extends Migration {
  override up(): void {
    this.addSql(`create index activity_principal_idx on activity (principal, at, id)`);
    this.addSql(`create index activity_target_id_idx on activity (target_id, at, id)`);
    this.addSql(`
      create table activity_keys (
        id int not null default 1 constraint activity_keys_one_row_check check (id = 1),
        key text not null,
        primary key (id))`);
    this.addSql(
      `insert into activity_keys (key) select replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')`,
    );
    this.addSql(`
      create function activity_activity_unchanged_fn() returns trigger as $$
      begin raise exception 'activity is never changed' using errcode = 'restrict_violation'; end;
      $$ language plpgsql`);
    this.addSql(`
      create trigger activity_unchanged before update on activity
      for each statement execute function activity_activity_unchanged_fn()`);
    this.addSql(`
      create trigger activity_not_truncated before truncate on activity
      for each statement execute function activity_activity_unchanged_fn()`);
  }

  override down(): void {
    this.addSql(`drop trigger activity_not_truncated on activity`);
    this.addSql(`drop trigger activity_unchanged on activity`);
    this.addSql(`drop function activity_activity_unchanged_fn()`);
    this.addSql(`drop table activity_keys`);
    this.addSql(`drop index activity_target_id_idx`);
    this.addSql(`drop index activity_principal_idx`);
  }
}
