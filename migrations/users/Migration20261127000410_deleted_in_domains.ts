import { Migration } from "@mikro-orm/migrations";

/** The addresses of deleted users by domain, who are few: a create has nothing of it. */
export class Migration20261127000410_deleted_in_domains extends Migration {
  override up(): void {
    this.addSql(
      `create index address_keys_deleted_domain_idx on address_keys (split_part(key, '@', 2), user_id) where deleted_at is not null`,
    );
  }

  override down(): void {
    this.addSql(`drop index address_keys_deleted_domain_idx`);
  }
}
