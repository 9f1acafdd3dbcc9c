import { Migration } from "@mikro-orm/migrations";

/** What it takes to tell the way of a request: which write it was, its event's life, and what was unusual in it. */
export class Migration20261124000300_trace extends Migration {
  override up(): void {
    // Hash indexes on correlation ids: they are only compared for equality, come in random order, and have no limit to
    // their length, where a B-tree would refuse the row of a long one.
    this.addSql(`
      alter table outbox
        add column note text,
        add column attempts int not null default 0,
        add column refusal text`);
    this.addSql(`create index outbox_correlation_id_idx on outbox using hash (correlation_id)`);
    this.addSql(`
      create table published_events (
        id bigint not null primary key,
        aggregate_id uuid not null,
        event_id uuid not null,
        type text not null,
        correlation_id text not null,
        note text,
        attempts int not null,
        created_at timestamptz(3) not null,
        published_at timestamptz(3) not null default statement_timestamp()
      )`);
    this.addSql(
      `create index published_events_correlation_id_idx on published_events using hash (correlation_id)`,
    );
    this.addSql(`
      create table consumer_outcomes (
        consumer text not null,
        event_id uuid not null,
        result text not null,
        times int not null,
        error text,
        at timestamptz(3) not null default now(),
        primary key (consumer, event_id, result),
        constraint consumer_outcomes_result_check check (result in ('processed', 'duplicate', 'stale', 'retried'))
      )`);
    this.addSql(`create index consumer_outcomes_at_idx on consumer_outcomes (at)`);
    this.addSql(`
      alter table idempotency
        add column action text,
        add column correlation_id text`);
    this.addSql(`create index idempotency_correlation_id_idx on idempotency using hash (correlation_id)`);
    this.addSql(`
      create table idempotency_replays (
        correlation_id text not null,
        operation text not null,
        first_correlation_id text,
        action text not null,
        times int not null,
        replayed_at timestamptz(3) not null,
        expires_at timestamptz not null,
        primary key (correlation_id, operation)
      )`);
    this.addSql(
      `create index idempotency_replays_operation_idx on idempotency_replays using hash (operation)`,
    );
    this.addSql(`create index idempotency_replays_expires_at_idx on idempotency_replays (expires_at)`);
  }

  override down(): void {
    this.addSql(`drop table idempotency_replays`);
    this.addSql(`drop index idempotency_correlation_id_idx`);
    this.addSql(`alter table idempotency drop column action, drop column correlation_id`);
    this.addSql(`drop table consumer_outcomes`);
    this.addSql(`drop table published_events`);
    this.addSql(`drop index outbox_correlation_id_idx`);
    this.addSql(`alter table outbox drop column note, drop column attempts, drop column refusal`);
  }
}
