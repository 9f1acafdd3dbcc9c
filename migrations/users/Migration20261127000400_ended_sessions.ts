import { Migration } from "@mikro-orm/migrations";

/** Sessions of the console that were ended before their time, one by one or all of somebody. */
export class Migration20261127000400_ended_sessions extends Migration {
  override up(): void {
    this.addSql(`
      create table ended_sessions (
        kind text not null,
        id text not null,
        at timestamptz(3) not null,
        primary key (kind, id)
      )`);
  }

  override down(): void {
    this.addSql(`drop table ended_sessions`);
  }
}
