/** How many addresses there are, by status and domain. Reads only. */
import type { Database } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { domainsMax } from "../contracts/status.ts";
import { dayMs, freedBefore } from "../contracts/terms.ts";
import type { ProjectionRules } from "./projection.ts";
import { type CountRow, countByDomain } from "./standing-sql.ts";

const figures = ["active", "reserved", "deleted", "quarantined"] as const;
type Figures = Record<(typeof figures)[number], number>;

const sumOf = (rows: readonly Figures[]): Figures =>
  Object.fromEntries(figures.map((name) => [name, rows.reduce((sum, row) => sum + row[name], 0)])) as Figures;

const all = (row: CountRow): number => figures.reduce((sum, name) => sum + row[name], 0);

/** Of the most used domains each; what erased users have left lies in none. */
export async function countAddresses(db: Database, { now, terms }: ProjectionRules) {
  const time = now();
  const restorable = new Date(time.getTime() - terms.tombstoneDays * dayMs);
  const rows = await db.read((em) => run(em, countByDomain(restorable, freedBefore(time, terms))));
  const named = rows.filter(({ domain }) => domain !== null);
  const most = named.toSorted((a, b) => all(b) - all(a)).slice(0, domainsMax);
  return {
    ...sumOf(rows),
    domains: most.map(({ domain, users, ...counts }) => ({ domain: domain ?? "", users, ...counts })),
    domainsTotal: named.length,
  };
}
