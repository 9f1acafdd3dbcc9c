/**
 * Since when and until when somebody had an address, out of the history; the conventions are those of sql.ts. Of one user the
 * order is that of versions. Each row is found by `address_history_key_at_idx`: a walk of what one address has seen.
 */
import { sql } from "kysely";
import { keyedHash } from "../../mixins/postgres/keyed-hash.ts";
import type { Statement } from "../../mixins/postgres/statement.ts";
import type { AddressKind } from "../contracts/user.ts";

const ofUser = (alias: string, row: string): Statement =>
  sql`${sql.id(alias)}.key = ${sql.id(row)}.key and ${sql.id(alias)}.user_id = ${sql.id(row)}.user_id`;

const said = (alias: string, state = "state"): Statement => {
  const row = sql.id(alias);
  return sql`(${row}.address, ${row}.kind, ${row}.${sql.id(state)})`;
};

/**
 * When what a row says began: a user that is told again says nothing new. `state` is the column of the row that says it,
 * `versionMax` an expression: the row's version, or one above all.
 */
export const sinceOf = (row: string, state: string, versionMax: Statement): Statement => sql`
  (select min(r.at) from address_history r where ${ofUser("r", row)} and r.version <= ${versionMax}
    and ${said("r")} = ${said(row, state)}
    and r.version > coalesce((
      select max(d.version) from address_history d where ${ofUser("d", row)} and d.version < ${versionMax}
        and ${said("d")} is distinct from ${said(row, state)}), 0))`;

/** When a row of the history ended, by its user's next word or by another who has it since; null: it has not. */
const endOf = (row: string): Statement => sql`
  least(
    (select n.at from address_history n where ${ofUser("n", row)} and n.version > ${sql.id(row)}.version
      and ${said("n")} is distinct from ${said(row)} order by n.version limit 1),
    (select n.at from address_history n where n.key = ${sql.id(row)}.key and n.user_id <> ${sql.id(row)}.user_id
      and n.at > ${sql.id(row)}.at and n.state = 'active' order by n.at limit 1))`;

/** The last word of each user on an address up to a time, and from when to when it holds. */
export const historyOfKey = (key: string, at: Date) => sql<{
  userId: string;
  address: string;
  kind: AddressKind | null;
  state: "active" | "deleted" | "removed";
  at: Date;
  since: Date | null;
  ends: Date | null;
}>`
select l.user_id, l.address, l.kind, l.state, l.at, ${sinceOf("l", "state", sql`l.version`)} as since, ${endOf("l")} as ends from (
  select distinct on (user_id) * from address_history where key = ${key} and at <= ${at}::timestamptz
  order by user_id, version desc
) l
order by l.at desc, l.user_id`;

/** Where a page begins: behind this row. */
export type PastCursor = readonly [at: string, version: number, userId: string, state: string];

export interface PastRow {
  /** null, as the address and the kind: of somebody who was erased, whose version is 0. */
  readonly userId: string | null;
  readonly version: number;
  readonly address: string | null;
  readonly kind: AddressKind | null;
  readonly state: "active" | "deleted";
  readonly at: Date;
  readonly ends: Date | null;
}

export const nobody = "00000000-0000-0000-0000-000000000000";

/**
 * What somebody had of an address, newest first; what was told again left out, and of who was erased no more than that
 * somebody had it. One text for the first page and one for the others.
 */
export const pastOfKey = (key: string, after: PastCursor | undefined, limit: number) => {
  const before = (row: Statement): Statement =>
    after === undefined
      ? sql``
      : sql`and ${row} < (${after[0]}::timestamptz, ${after[1]}::int, ${after[2]}::uuid, ${after[3]}::text)`;
  return sql<PastRow>`
select * from (
  (select h.user_id, h.version, h.address, h.kind, h.state, h.at, ${endOf("h")} as ends
    from address_history h
    where h.key = ${key} and h.state <> 'removed' ${before(sql`(h.at, h.version, h.user_id, h.state)`)}
      and not exists (select from (
        select p.address, p.kind, p.state from address_history p where ${ofUser("p", "h")} and p.version < h.version
        order by p.version desc limit 1
      ) p where ${said("p")} = ${said("h")})
    order by h.at desc, h.version desc, h.user_id desc limit ${limit})
  union all
  (select null, 0, null, null, e.state, e.at,
      least((select min(n.at) from erased_addresses n where n.hash = e.hash and n.state <> 'tombstone' and n.at > e.at),
        (select min(n.at) from address_history n where n.key = ${key} and n.state = 'active' and n.at > e.at))
    from (select ${key}::text as key) k join erased_addresses e on e.hash = ${keyedHash("k.key")}
    where e.state in ('active', 'deleted') ${before(sql`(e.at, 0, ${nobody}::uuid, e.state)`)}
    order by e.at desc, e.state desc limit ${limit})
) past
order by at desc, version desc, user_id desc nulls last, state desc limit ${limit}`;
};
