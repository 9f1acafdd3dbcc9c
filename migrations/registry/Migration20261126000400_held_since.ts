import { Migration } from "@mikro-orm/migrations";

/** Since when an address is held, so that a look-up at that time can tell while the event is on its way. */
export class Migration20261126000400_held_since extends Migration {
  override up(): void {
    this.addSql(`alter table addresses add column held_since timestamptz(3)`);
  }

  override down(): void {
    this.addSql(`alter table addresses drop column held_since`);
  }
}
