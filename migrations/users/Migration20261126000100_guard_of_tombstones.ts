import { Migration } from "@mikro-orm/migrations";

/** A deleted user's addresses stay guarded: the registry learns of a deletion by its event, which may be late. */
export class Migration20261126000100_guard_of_tombstones extends Migration {
  override up(): void {
    this.addSql(`alter table address_keys add column deleted_at timestamptz`);
  }

  override down(): void {
    this.addSql(`delete from address_keys where deleted_at is not null`);
    this.addSql(`alter table address_keys drop column deleted_at`);
  }
}
