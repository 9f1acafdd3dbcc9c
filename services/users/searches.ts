/**
 * Searches by `q`, which may read every user: what they take nobody else waits for.
 *
 * Promise: they run over connections of their own, two at a time for half a second each, and wait 0.8 s for their turn,
 * so that with the way there and back all of it ends within the gateway's 1.8 s (http/limits.ts); what would take longer is refused (`search-too-slow`), and so is at once who would be one of too many to wait.
 * A refusal has done nothing; a narrower text, or the same later, may be found in time.
 */
import { fewAtOnce } from "../../mixins/few-at-once.ts";
import { type Database, isStatementTimeout } from "../../mixins/postgres/database.ts";
import { Refusal } from "../contracts/errors.ts";

export const searchLimits = {
  atOnceMax: 2,
  statementTimeoutMs: 500,
  waitMsMax: 800,
  waitingMax: 100,
} as const;

const tooSlow = (why: string): Refusal => new Refusal("search-too-slow", `Cannot search: ${why}`);

/** Runs each of them on `db` in its turn. Throws Refusal, and what the work throws. */
export function searches(
  db: Database,
  limits: Readonly<Record<keyof typeof searchLimits, number>> = searchLimits,
): <T>(work: (db: Database) => Promise<T>) => Promise<T> {
  const inTurn = fewAtOnce(limits, tooSlow);
  return async (work) => {
    try {
      return await inTurn(() => work(db));
    } catch (error) {
      if (!isStatementTimeout(error)) throw error;
      throw tooSlow(
        `among so many users it takes longer than ${limits.statementTimeoutMs} ms; ask for smtp, or for a longer part of the name`,
      );
    }
  };
}
