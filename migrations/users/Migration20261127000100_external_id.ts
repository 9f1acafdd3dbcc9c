import { Migration } from "@mikro-orm/migrations";

/** The user's id in the system that they come from. Who has none costs the index nothing. */
export class Migration20261127000100_external_id extends Migration {
  override up(): void {
    this.addSql(`alter table users add column external_id text null`);
    this.addSql(
      `create unique index users_external_id_key on users (external_id) where external_id is not null`,
    );
  }

  override down(): void {
    this.addSql(`drop index users_external_id_key`);
    this.addSql(`alter table users drop column external_id`);
  }
}
