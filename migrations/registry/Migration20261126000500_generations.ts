import { Migration } from "@mikro-orm/migrations";

/** The last generation that was given to the users database: one row. */
export class Migration20261126000500_generations extends Migration {
  override up(): void {
    this.addSql(`create table generations (
      id int not null default 1 constraint generations_one_row_check check (id = 1),
      generation int not null,
      primary key (id))`);
    this.addSql(`insert into generations (generation) values (0)`);
  }

  override down(): void {
    this.addSql(`drop table generations`);
  }
}
