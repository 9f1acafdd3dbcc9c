import { Migration } from "@mikro-orm/migrations";

/**
 * What groups letters that failed for one cause. Those that are there already get a name by their exact text; the
 * default serves processes of the release before, which do not know the column.
 */
export class Migration20261124000100_dead_letter_cause extends Migration {
  override up(): void {
    this.addSql(`alter table dead_letters add column cause text not null default 'unknown'`);
    this.addSql(`
      update dead_letters
         set cause = left(encode(sha256(convert_to(queue || ' ' || routing_key || ' ' || reason || ' ' || error, 'UTF8')), 'hex'), 12)`);
    this.addSql(`create index dead_letters_cause_id_idx on dead_letters (cause, id)`);
  }

  override down(): void {
    this.addSql(`alter table dead_letters drop column cause`);
  }
}
