import { Migration } from "@mikro-orm/migrations";

/** Differences that nothing can end and that somebody has accepted; one row for each, kept for ever. */
export class Migration20261125000100_consistency_acknowledgements extends Migration {
  override up(): void {
    this.addSql(`
      create table consistency_acknowledgements (
        user_id uuid not null,
        check_name text not null,
        gap text not null,
        acknowledged_at timestamptz(3) not null default now(),
        acknowledged_by text not null,
        reason text not null,
        correlation_id text not null,
        primary key (user_id, check_name, gap)
      )`);
  }

  override down(): void {
    this.addSql(`drop table consistency_acknowledgements`);
  }
}
