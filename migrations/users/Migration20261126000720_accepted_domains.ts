import { Migration } from "@mikro-orm/migrations";

/** In which domains addresses may be taken; none: in any. */
export class Migration20261126000720_accepted_domains extends Migration {
  override up(): void {
    this.addSql(`create table accepted_domains (
      domain text not null,
      declared_at timestamptz(3) not null,
      declared_by text not null,
      removed_at timestamptz(3) null,
      removed_by text null,
      primary key (domain, declared_at))`);
    this.addSql(
      `create unique index accepted_domains_now_idx on accepted_domains (domain) where removed_at is null`,
    );
  }

  override down(): void {
    this.addSql(`drop table accepted_domains`);
  }
}
