/**
 * Promise: the role that serves reads and writes rows and does nothing else: it owns no table, so it drops no trigger and
 * makes none, and from the audit log it takes nothing back. The owner says so after each migration, for new tables too.
 */
import type { DatabaseClient } from "../../mixins/postgres/database-client.ts";
import type { DatabaseName } from "./databases.ts";

/** Rows are added, and never changed or removed. */
const appendOnly: Record<DatabaseName, readonly string[]> = { users: ["audit_entries"], registry: [] };
/** What was applied is the owner's to write. */
const readOnly = "mikro_orm_migrations";

/** As the owner, in a transaction, so that no right is gone in between. Rights that PUBLIC has are taken where they may be. */
export async function grantToServing(
  client: DatabaseClient,
  name: DatabaseName,
  servingRole: string,
): Promise<void> {
  const { rows } = await client.query<{ database: string; schema: string }>(
    "select quote_ident(current_database()) as database, quote_ident(current_schema()) as schema",
  );
  const { database, schema } = rows[0] ?? { database: "", schema: "" };
  const role = client.escapeIdentifier(servingRole);
  const statements = [
    "begin",
    `revoke create on schema ${schema} from public`,
    // To find out whether a full disk has room again (mixins/postgres/database-health.ts).
    `grant connect, temporary on database ${database} to ${role}`,
    `grant usage on schema ${schema} to ${role}`,
    `grant select, insert, update, delete on all tables in schema ${schema} to ${role}`,
    `grant select, usage on all sequences in schema ${schema} to ${role}`,
    `revoke insert, update, delete on ${readOnly} from ${role}`,
    ...appendOnly[name].map((table) => `revoke update, delete on ${table} from ${role}`),
    "commit",
  ];
  for (const statement of statements) await client.query(statement);
}
