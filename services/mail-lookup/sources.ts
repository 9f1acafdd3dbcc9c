/**
 * Whom a look-up is asked of: the registry's database, and before it a standby where there is one.
 *
 * Promise: what a standby says counts only when it names somebody who is there, and its news are younger than
 * `replicaAgeMsMax`. It may not have heard yet of an address that was given this moment, so that there is none, or none
 * any more, is for the primary alone to say; without it nobody knows.
 */
import { within } from "../../mixins/basics/pause.ts";
import { coalescer, type Outcome } from "../../mixins/coalescing.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { run, runInTurn } from "../../mixins/postgres/statement.ts";
import type { Terms } from "../contracts/terms.ts";
import type { Question } from "./question.ts";
import { type DomainRow, type HolderRow, replicaAge, rowsOfDomains, rowsOfRecipients } from "./sql.ts";
import { type DomainStanding, domainStandingOf, type Standing, standingOf } from "./standing.ts";

/** In one statement. */
const questionsMax = 250;
/**
 * An address has another owner after its quarantine of days, or sooner when an operator releases it: who is cut off from
 * the primary for less than that at most takes mail for somebody who has just gone. The age is that of the last commit
 * that the standby has, so where nobody writes for so long the primary is asked for everybody.
 */
export const replicaAgeMsMax = 60 * 60 * 1_000;
/** Of the 1.5 s of a look-up: what is left is the primary's. */
const replicaMsMax = 400;

/** Each may reject. */
export interface Source {
  holder(question: Question): Promise<Standing>;
  /** In A-labels. */
  domain(domain: string): Promise<DomainStanding>;
}

export interface SourceRules {
  readonly terms: Terms;
  readonly now: () => Date;
}

type Read = typeof run;

function sourceBy(db: Database, read: Read, { terms, now }: SourceRules): Source {
  return {
    holder: coalescer(
      async (questions: readonly Question[]): Promise<Outcome<Standing>[]> => {
        const keys = new Set(
          questions.flatMap(({ exact, base }) => [exact, base].filter((key) => key !== undefined)),
        );
        const rows = await db.read((em) => read(em, rowsOfRecipients([...keys])));
        const byKey = new Map<string, HolderRow>(rows.map((row) => [row.key, row]));
        const at = now();
        return questions.map((question) => ({ value: standingOf(question, byKey, at, terms) }));
      },
      { itemsMax: questionsMax, endOfTurn: true },
    ),
    domain: coalescer(
      async (domains: readonly string[]): Promise<Outcome<DomainStanding>[]> => {
        const rows = await db.read((em) => read(em, rowsOfDomains([...new Set(domains)])));
        const byDomain = new Map<string, DomainRow>(rows.map((row) => [row.domain, row]));
        return domains.map((domain) => ({ value: domainStandingOf(byDomain.get(domain)) }));
      },
      { itemsMax: questionsMax, endOfTurn: true },
    ),
  };
}

/** The registry's database, at its primary. */
export const primarySource = (db: Database, rules: SourceRules): Source => sourceBy(db, run, rules);

/** A standby. Rejects when its news are too old. */
const replicaSource = (db: Database, rules: SourceRules): Source =>
  sourceBy(
    db,
    async (em, statement) => {
      // The age first: the rows are no older.
      const [[age], rows] = await runInTurn(em, [replicaAge, statement]);
      if (!((age?.ageMs ?? Number.POSITIVE_INFINITY) <= replicaAgeMsMax))
        throw new Error("Cannot ask the replica: its news are too old");
      return rows;
    },
    rules,
  );

/** The primary is asked for whatever the standby does not settle in time. */
export function replicaFirst(primary: Source, db: Database, rules: SourceRules): Source {
  const replica = replicaSource(db, rules);
  const inTime = <S>(asked: Promise<S>): Promise<S | undefined> =>
    within(replicaMsMax, "the replica is late", asked).catch(() => undefined);
  return {
    async holder(question) {
      const said = await inTime(replica.holder(question));
      // Without its tag it is asked for because nobody has the whole, which is not for a standby to say.
      const isSettled = said?.state === "active" && said.tag === "";
      if (isSettled) return said;
      return primary.holder(question);
    },
    async domain(domain) {
      const said = await inTime(replica.domain(domain));
      return said?.state === "ours" ? said : primary.domain(domain);
    },
  };
}
