import { Migration } from "@mikro-orm/migrations";

/** For whom the actor of a change said to act, beside who the actor is. */
export class Migration20261126000600_audit_on_behalf_of extends Migration {
  override up(): void {
    this.addSql(`alter table audit_entries add column on_behalf_of text`);
  }

  override down(): void {
    this.addSql(`alter table audit_entries drop column on_behalf_of`);
  }
}
