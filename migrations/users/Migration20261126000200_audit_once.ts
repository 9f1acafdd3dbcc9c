import { Migration } from "@mikro-orm/migrations";

/** An entry for each version of a user, whatever id its event comes with; the index also pages and counts by user. */
export class Migration20261126000200_audit_once extends Migration {
  override up(): void {
    this.addSql(`create unique index audit_entries_user_id_version_idx on audit_entries (user_id, version)`);
    this.addSql(`drop index audit_entries_user_id_idx`);
  }

  override down(): void {
    this.addSql(`create index audit_entries_user_id_idx on audit_entries (user_id, at, version, id)`);
    this.addSql(`drop index audit_entries_user_id_version_idx`);
  }
}
