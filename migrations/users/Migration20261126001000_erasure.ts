import { Migration } from "@mikro-orm/migrations";

/**
 * Who was erased, and what is kept for it: the addresses of an erased user as keyed hashes until their terms are over.
 * The audit log stays append-only but for one thing: the values of an erased user's entries may be emptied.
 */
export class Migration20261126001000_erasure extends Migration {
  override up(): void {
    this.addSql(`alter table users add column erased_at timestamptz`);
    this.addSql(`
      create table erasures (
        user_id uuid not null primary key,
        erased_at timestamptz(3) not null,
        erased_by text not null,
        reason text not null
      )`);
    this.addSql(
      `create table erased_keys (hash bytea not null primary key, deleted_at timestamptz not null)`,
    );
    this.addSql(`create index erased_keys_deleted_at_idx on erased_keys (deleted_at)`);
    this.addSql(`
      create table erasure_peppers (
        id int not null default 1 constraint erasure_peppers_one_row_check check (id = 1),
        pepper bytea not null,
        primary key (id))`);
    this.addSql(`insert into erasure_peppers (pepper)
      select decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')`);
    // An answer that is a user begins with its id.
    this.addSql(
      `create index idempotency_user_idx on idempotency (substr(result, 8, 36)) where starts_with(result, '{"id":"')`,
    );
    this.addSql(`create index dead_letters_user_id_idx on dead_letters (user_id)`);
    this.addSql(`alter table audit_entries add column reason text`);
    this.addSql(`
      create function audit_values_emptied(changes jsonb) returns jsonb language sql immutable as $$
        select coalesce(jsonb_agg(jsonb_build_object('field', c.value -> 'field', 'from', null, 'to', null) order by c.place), '[]')
        from jsonb_array_elements(changes) with ordinality c (value, place)
      $$`);
    this.addSql(`drop trigger audit_entries_append_only on audit_entries`);
    this.addSql(`
      create trigger audit_entries_append_only before delete on audit_entries
      for each statement execute function audit_entries_audit_entries_append_only_fn()`);
    this.addSql(`
      create function audit_entries_audit_entries_only_emptied_fn() returns trigger as $$
      begin
        if new.changes = audit_values_emptied(old.changes) and new.assignments is null
          and to_jsonb(new) - '{changes,assignments}'::text[] = to_jsonb(old) - '{changes,assignments}'::text[]
          and exists (select from erasures where user_id = old.user_id) then return new; end if;
        raise exception 'audit_entries is append-only' using errcode = 'restrict_violation'; end;
      $$ language plpgsql`);
    this.addSql(`
      create trigger audit_entries_only_emptied before update on audit_entries
      for each row execute function audit_entries_audit_entries_only_emptied_fn()`);
    // With the rights of the owner, so that a role that may only insert and select can have it done. Whoever appends
    // meanwhile waits, and sees the erasure then: no value slips in behind it.
    this.addSql(`
      do $do$ begin execute format($create$
        create function empty_audit_of(erased uuid) returns void language plpgsql security definer
          set search_path = %I, pg_temp as $$
        begin
          if not exists (select from erasures where user_id = erased) then
            raise exception 'Cannot empty the audit log: the user is not erased' using errcode = 'restrict_violation';
          end if;
          lock table audit_entries in share row exclusive mode;
          update audit_entries set changes = audit_values_emptied(changes), assignments = null where user_id = erased;
        end $$
      $create$, current_schema()); end $do$`);
  }

  override down(): void {
    this.addSql(`drop function empty_audit_of(uuid)`);
    this.addSql(`drop trigger audit_entries_only_emptied on audit_entries`);
    this.addSql(`drop function audit_entries_audit_entries_only_emptied_fn()`);
    this.addSql(`drop trigger audit_entries_append_only on audit_entries`);
    this.addSql(`
      create trigger audit_entries_append_only before update or delete on audit_entries
      for each statement execute function audit_entries_audit_entries_append_only_fn()`);
    this.addSql(`drop function audit_values_emptied(jsonb)`);
    this.addSql(`alter table audit_entries drop column reason`);
    this.addSql(`drop index dead_letters_user_id_idx, idempotency_user_idx`);
    this.addSql(`drop table erasure_peppers, erased_keys, erasures`);
    this.addSql(`alter table users drop column erased_at`);
  }
}
