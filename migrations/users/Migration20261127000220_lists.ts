import { Migration } from "@mikro-orm/migrations";

/** Users in the order of their last change, and the deleted ones alone, who are few. */
export class Migration20261127000220_lists extends Migration {
  override up(): void {
    this.addSql(`create index users_updated_at_idx on users (updated_at, id)`);
    this.addSql(
      `create index users_deleted_idx on users (id) where deleted_at is not null and erased_at is null`,
    );
  }

  override down(): void {
    this.addSql(`drop index users_deleted_idx, users_updated_at_idx`);
  }
}
