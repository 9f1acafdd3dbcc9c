import { Migration } from "@mikro-orm/migrations";

/** Groups of identity providers. A member is an id alone: its user may be deleted, and an erasure takes the row away. */
export class Migration20261127000330_scim_groups extends Migration {
  override up(): void {
    this.addSql(`
      create table scim_groups (
        id uuid not null primary key,
        display_name text not null,
        display_name_key text not null,
        client text not null,
        external_id text null,
        version int not null,
        created_at timestamptz(3) not null,
        updated_at timestamptz(3) not null
      )`);
    this.addSql(`create unique index scim_groups_display_name_key on scim_groups (display_name_key)`);
    this.addSql(`create index scim_groups_external_id_idx on scim_groups (client, external_id)`);
    this.addSql(`
      create table scim_group_members (
        group_id uuid not null,
        user_id uuid not null,
        primary key (group_id, user_id)
      )`);
    this.addSql(`create index scim_group_members_user_id_idx on scim_group_members (user_id)`);
  }

  override down(): void {
    this.addSql(`drop table scim_group_members`);
    this.addSql(`drop table scim_groups`);
  }
}
