import { Migration } from "@mikro-orm/migrations";

/** Which addresses a request asked for and did not get, beside what it changed. */
export class Migration20261126000300_audit_assignments extends Migration {
  override up(): void {
    this.addSql(`alter table audit_entries add column assignments jsonb`);
  }

  override down(): void {
    this.addSql(`alter table audit_entries drop column assignments`);
  }
}
