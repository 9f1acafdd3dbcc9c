import { Migration } from "@mikro-orm/migrations";

/** Since when a consumer's queue has been seen with messages in it and never without; a row for such a queue. */
export class Migration20261125000200_consistency_backlogs extends Migration {
  override up(): void {
    this.addSql(`
      create table consistency_backlogs (
        queue text not null primary key,
        since timestamptz(3) not null default now()
      )`);
  }

  override down(): void {
    this.addSql(`drop table consistency_backlogs`);
  }
}
