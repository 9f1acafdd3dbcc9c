import { Migration } from "@mikro-orm/migrations";

/** Events that are committed and not yet confirmed by the bus. */
export class Migration20261123000200_outbox extends Migration {
  override up(): void {
    this.addSql(`
      create table outbox (
        id bigserial primary key,
        partition smallint not null,
        aggregate_id uuid not null,
        event_id uuid not null,
        type text not null,
        correlation_id text not null,
        body text not null,
        created_at timestamptz(3) not null default now()
      )`);
    this.addSql(`create index outbox_partition_id_idx on outbox (partition, id)`);
    // Every row is deleted soon after it came: the defaults (a fifth of the table dead, 2 ms pauses) let dead rows
    // gather faster than they are cleared, and every claim walks over them.
    this.addSql(
      `alter table outbox set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0)`,
    );
  }

  override down(): void {
    this.addSql(`drop table outbox`);
  }
}
