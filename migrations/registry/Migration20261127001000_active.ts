import { Migration } from "@mikro-orm/migrations";

/** Whether the user of a watermark may log in: mail servers ask it with each address. */
export class Migration20261127001000_active extends Migration {
  override up(): void {
    this.addSql(`alter table watermarks add column active boolean not null default true`);
  }

  override down(): void {
    this.addSql(`alter table watermarks drop column active`);
  }
}
