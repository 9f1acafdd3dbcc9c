import { Migration } from "@mikro-orm/migrations";

/** Addresses by conflict key, the watermark of each user, the suffix counters and the history of addresses. */
export class Migration20261123000100_init extends Migration {
  override up(): void {
    // The primary key is the promise that no two users hold one conflict key. A third of each page is left free, so
    // that a hold becoming active stays on its page; holds come and go, hence the eager vacuum.
    this.addSql(`
      create table addresses (
        key text not null primary key,
        address text not null,
        user_id uuid not null,
        kind text not null,
        status text not null,
        reservation_id text null,
        requested_key text null,
        reason text null,
        suffix int null,
        expires_at timestamptz(3) null,
        deleted_at timestamptz(3) null,
        constraint addresses_kind_check check (kind in ('primary', 'secondary')),
        constraint addresses_status_check check (
          status = 'active'
          or (status = 'reserved' and expires_at is not null and reservation_id is not null)
          or (status = 'deleted' and deleted_at is not null)
        )
      ) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02)`);
    this.addSql(`create index addresses_user_id_idx on addresses (user_id)`);
    this.addSql(`create index addresses_expires_at_idx on addresses (expires_at) where status = 'reserved'`);
    this.addSql(`create index addresses_deleted_at_idx on addresses (deleted_at) where status = 'deleted'`);
    // Two calls of one reservation can't both get a suffix for the same address.
    this.addSql(`
      alter table addresses
        add constraint addresses_reservation_idx unique (reservation_id, requested_key)`);
    this.addSql(`
      create table watermarks (
        user_id uuid not null primary key,
        version int not null
      ) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02)`);
    // A counter is updated once for each suffix: half-empty pages keep those updates on the page (HOT).
    this.addSql(`
      create table suffixes (
        base_key text not null primary key,
        next int not null
      ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0)`);
    this.addSql(`
      create table address_history (
        user_id uuid not null,
        version int not null,
        key text not null,
        address text not null,
        kind text null,
        state text not null,
        at timestamptz(3) not null,
        primary key (user_id, version, key),
        constraint address_history_state_check check (state in ('active', 'deleted', 'removed'))
      )`);
    this.addSql(`create index address_history_key_at_idx on address_history (key, at)`);
  }

  override down(): void {
    this.addSql(`drop table address_history`);
    this.addSql(`drop table suffixes`);
    this.addSql(`drop table watermarks`);
    this.addSql(`drop table addresses`);
  }
}
