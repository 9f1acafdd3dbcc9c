import { Migration } from "@mikro-orm/migrations";

/**
 * An index of what `q` is looked for in, where the extension pg_trgm is available and the owner may make it (it is a
 * trusted one: who may create in the database may). Elsewhere there is none, and searches walk; `doctor` says so. The
 * operator class is named by the extension's schema, which need not be in the search path. One that was made by hand
 * under this name is kept.
 */
export class Migration20261127000300_search_index extends Migration {
  override up(): void {
    this.addSql(`
      do $$
      declare
        place text;
      begin
        begin
          create extension if not exists pg_trgm;
        exception when insufficient_privilege or undefined_file or feature_not_supported then
          raise notice 'No index for searches: %', sqlerrm;
          return;
        end;
        select quote_ident(n.nspname) into place
          from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm';
        perform set_config('maintenance_work_mem', '256MB', true);
        execute format('create index if not exists users_search_text_trgm on users
          using gin (search_text %s.gin_trgm_ops)', place);
      end $$`);
  }

  override down(): void {
    this.addSql(`drop index if exists users_search_text_trgm`);
  }
}
