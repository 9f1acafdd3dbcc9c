import { Migration } from "@mikro-orm/migrations";

/** Access keys, of which the secret is nowhere; and what was done that the audit log of users does not tell. */
export class Migration20261126000700_access extends Migration {
  override up(): void {
    this.addSql(`create table api_keys (
      id text not null,
      hash text not null,
      name text not null,
      role text not null,
      domains text[] null,
      created_at timestamptz(3) not null,
      created_by text not null,
      reason text null,
      expires_at timestamptz(3) not null,
      last_used_at timestamptz(3) null,
      revoked_at timestamptz(3) null,
      revoked_by text null,
      revoke_reason text null,
      replaces text null,
      break_glass boolean not null default false,
      primary key (id))`);
    this.addSql(`create index api_keys_created_at_idx on api_keys (created_at, id)`);
    this.addSql(`create table activity (
      id uuid not null,
      at timestamptz(3) not null,
      principal text not null,
      credential text null,
      action text not null,
      scope text null,
      target_kind text null,
      target_id text null,
      allowed boolean not null,
      reason text null,
      correlation_id text not null,
      primary key (id))`);
    this.addSql(`create index activity_at_idx on activity (at, id)`);
  }

  override down(): void {
    this.addSql(`drop table activity`);
    this.addSql(`drop table api_keys`);
  }
}
