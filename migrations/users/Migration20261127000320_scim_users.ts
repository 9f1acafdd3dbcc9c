import { Migration } from "@mikro-orm/migrations";

/** What identity providers said of users that is no field of theirs. An external id is one within a client, not by force. */
export class Migration20261127000320_scim_users extends Migration {
  override up(): void {
    this.addSql(`
      create table scim_users (
        user_id uuid not null primary key,
        client text not null,
        external_id text null,
        emails jsonb not null,
        attributes jsonb not null,
        revision int not null,
        updated_at timestamptz(3) not null
      )`);
    this.addSql(`create index scim_users_external_id_idx on scim_users (client, external_id)`);
  }

  override down(): void {
    this.addSql(`drop table scim_users`);
  }
}
