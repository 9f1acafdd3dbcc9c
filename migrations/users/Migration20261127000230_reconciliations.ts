import { Migration } from "@mikro-orm/migrations";

/** Passes of the reconciler with their reports: who began them, and what they found. */
export class Migration20261127000230_reconciliations extends Migration {
  override up(): void {
    this.addSql(`
      create table reconciliations (
        id uuid not null primary key,
        kind text not null,
        of_id uuid null,
        status text not null,
        started_at timestamptz(3) not null,
        started_by text not null,
        correlation_id text not null,
        ended_at timestamptz(3) null,
        error text null,
        result jsonb null,
        constraint reconciliations_kind_check check (kind in ('pass', 'repair', 'acknowledgement')),
        constraint reconciliations_status_check check (status in ('running', 'done', 'failed', 'interrupted'))
      )`);
  }

  override down(): void {
    this.addSql(`drop table reconciliations`);
  }
}
