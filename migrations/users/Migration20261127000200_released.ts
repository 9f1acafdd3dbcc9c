import { Migration } from "@mikro-orm/migrations";

/** Which addresses of a deleted user were released before their terms were over, and what the registry has yet to hear of. */
export class Migration20261127000200_released extends Migration {
  override up(): void {
    this.addSql(`alter table users add column released text[] null`);
    this.addSql(`
      create table releases_under_way (
        key text not null primary key,
        released_at timestamptz(3) not null
      )`);
  }

  override down(): void {
    this.addSql(`drop table releases_under_way`);
    this.addSql(`alter table users drop column released`);
  }
}
