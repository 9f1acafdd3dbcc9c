import { Migration } from "@mikro-orm/migrations";

/** Who has an address in a domain, and which domains the user of an audit entry had addresses in. */
export class Migration20261126000710_domains_of_addresses extends Migration {
  override up(): void {
    this.addSql(`create index address_keys_domain_idx on address_keys (split_part(key, '@', 2), user_id)`);
    this.addSql(`alter table audit_entries add column domains text[]`);
  }

  override down(): void {
    this.addSql(`alter table audit_entries drop column domains`);
    this.addSql(`drop index address_keys_domain_idx`);
  }
}
