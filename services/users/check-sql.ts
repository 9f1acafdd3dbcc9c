/** The statements of a check; the conventions are those of sql.ts. */
import { sql } from "kysely";

/** Who has which of some keys, by our own guard. */
export const heldAmongKeys = (keys: readonly string[], freed: Date) => sql<{
  key: string;
  userId: string;
  active: boolean;
}>`
select key, user_id, deleted_at is null as active from address_keys
where key = any (${keys}::text[]) and (deleted_at is null or deleted_at > ${freed}::timestamptz)`;

/** Who has which of some ids of other systems. */
export const externalIdsOf = (ids: readonly string[], freed: Date) => sql<{
  id: string;
  externalId: string;
}>`
select id, external_id from users
where external_id = any (${ids}::text[]) and (deleted_at is null or deleted_at > ${freed}::timestamptz)`;
