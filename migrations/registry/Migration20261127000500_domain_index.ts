import { Migration } from "@mikro-orm/migrations";

/** Whether anybody lives in a domain, or is about to: mail servers ask it of each sender and recipient. */
export class Migration20261127000500_domain_index extends Migration {
  override up(): void {
    this.addSql(
      `create index addresses_domain_idx on addresses (split_part(key, '@', 2), status) where status <> 'deleted'`,
    );
  }

  override down(): void {
    this.addSql(`drop index addresses_domain_idx`);
  }
}
