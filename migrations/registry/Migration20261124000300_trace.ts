import { Migration } from "@mikro-orm/migrations";

/** Which event brought each user's state, and what was unusual on its way. */
export class Migration20261124000300_trace extends Migration {
  override up(): void {
    this.addSql(`
      alter table watermarks
        add column event_id uuid,
        add column applied_at timestamptz(3)`);
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
  }

  override down(): void {
    this.addSql(`drop table consumer_outcomes`);
    this.addSql(`alter table watermarks drop column event_id, drop column applied_at`);
  }
}
