import { Migration } from "@mikro-orm/migrations";

/** Users, the guard of their addresses, and the answers kept for idempotency keys. */
export class Migration20261123000100_users extends Migration {
  override up(): void {
    this.addSql(`
      create table users (
        id uuid not null primary key,
        display_name text not null,
        primary_smtp text not null,
        secondary_smtps text[] not null,
        search_text text not null,
        version int not null,
        created_at timestamptz not null,
        updated_at timestamptz not null,
        deleted_at timestamptz null
      )`);
    // One row for each address of each living user: the primary key is the promise that no two share one.
    this.addSql(`create table address_keys (key text not null primary key, user_id uuid not null)`);
    this.addSql(`create index address_keys_user_id_idx on address_keys (user_id)`);
    this.addSql(`
      create table idempotency (
        scope text not null,
        key text not null,
        fingerprint text not null,
        result text not null,
        created_at timestamptz not null,
        expires_at timestamptz not null,
        primary key (scope, key)
      )`);
    this.addSql(`create index idempotency_expires_at_idx on idempotency (expires_at)`);
  }

  override down(): void {
    this.addSql(`drop table idempotency`);
    this.addSql(`drop table address_keys`);
    this.addSql(`drop table users`);
  }
}
