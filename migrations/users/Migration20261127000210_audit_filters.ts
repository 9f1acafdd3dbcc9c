import { Migration } from "@mikro-orm/migrations";

/** The audit log by who did something and by what was done, in its order. */
export class Migration20261127000210_audit_filters extends Migration {
  override up(): void {
    this.addSql(`create index audit_entries_actor_idx on audit_entries (actor, at, version, id)`);
    this.addSql(`create index audit_entries_action_idx on audit_entries (action, at, version, id)`);
  }

  override down(): void {
    this.addSql(`drop index audit_entries_actor_idx, audit_entries_action_idx`);
  }
}
