import { Migration } from "@mikro-orm/migrations";

/** The audit log; its primary key, the event's id, is also its inbox. */
export class Migration20261123000400_audit_inbox extends Migration {
  override up(): void {
    this.addSql(`
      create table audit_entries (
        id uuid not null primary key,
        at timestamptz(3) not null,
        action text not null,
        user_id uuid not null,
        version int not null,
        actor text not null,
        correlation_id text not null,
        changes jsonb not null,
        recorded_at timestamptz(3) not null default now()
      )`);
    this.addSql(`create index audit_entries_at_idx on audit_entries (at, version, id)`);
    this.addSql(`create index audit_entries_user_id_idx on audit_entries (user_id, at, version, id)`);
    this.addSql(
      `create index audit_entries_correlation_id_idx on audit_entries (correlation_id, at, version, id)`,
    );
    // Append-only for everyone, the owner of the table included. Retention, when it comes, drops the trigger for
    // its own transaction or detaches partitions; nothing else ever needs to remove an entry.
    this.addSql(`
      create function audit_entries_audit_entries_append_only_fn() returns trigger as $$
      begin raise exception 'audit_entries is append-only' using errcode = 'restrict_violation'; end;
      $$ language plpgsql`);
    this.addSql(`
      create trigger audit_entries_append_only before update or delete on audit_entries
      for each statement execute function audit_entries_audit_entries_append_only_fn()`);
    this.addSql(`
      create trigger audit_entries_not_truncated before truncate on audit_entries
      for each statement execute function audit_entries_audit_entries_append_only_fn()`);
  }

  override down(): void {
    this.addSql(`drop table audit_entries`);
    this.addSql(`drop function audit_entries_audit_entries_append_only_fn()`);
  }
}
