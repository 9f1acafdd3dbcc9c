import { Migration } from "@mikro-orm/migrations";

/**
 * Whether a user's account is in use, and the name by which an identity provider knows it: of one living user at most. A
 * default that is constant rewrites no row, and who has no userName costs the indexes nothing.
 */
export class Migration20261127000310_active extends Migration {
  override up(): void {
    this.addSql(`
      alter table users
        add column active boolean not null default true,
        add column user_name text null,
        add column user_name_key text null`);
    this.addSql(`
      create unique index users_user_name_key on users (user_name_key)
        where deleted_at is null and user_name_key is not null`);
    this.addSql(`
      create index users_deleted_user_name_idx on users (user_name_key)
        where deleted_at is not null and user_name_key is not null`);
  }

  override down(): void {
    this.addSql(`drop index users_deleted_user_name_idx, users_user_name_key`);
    this.addSql(`alter table users drop column user_name_key, drop column user_name, drop column active`);
  }
}
