/**
 * Searches by `q`, which may read every user: what they take nobody else waits for.
 *
 * Promise: they run over connections of their own, two at a time for half a second each, and wait a second for their
 * turn; what would take longer is refused (`search-too-slow`), and so is at once who would be one of too many to wait.
 * A refusal has done nothing; a narrower text, or the same later, may be found in time.
 */
import { type Database, isStatementTimeout } from "../../mixins/postgres/database.ts";
import { Refusal } from "../contracts/errors.ts";

export const searchLimits = {
  atOnceMax: 2,
  statementTimeoutMs: 500,
  waitMsMax: 1_000,
  /** Those who wait: they hold a request in hand at the gateway, and a flood of refusals would cost more than they do. */
  waitingMax: 100,
} as const;

const tooSlow = (why: string): Refusal => new Refusal("search-too-slow", `Cannot search: ${why}`);

/** Runs each of them on `db` in its turn. Throws Refusal, and what the work throws. */
export function searches(
  db: Database,
  limits: Readonly<Record<keyof typeof searchLimits, number>> = searchLimits,
): <T>(work: (db: Database) => Promise<T>) => Promise<T> {
  const waiting = new Set<() => void>();
  let running = 0;

  const turn = async (): Promise<void> => {
    if (running < limits.atOnceMax) {
      running += 1;
      return;
    }
    if (waiting.size >= limits.waitingMax) throw tooSlow("too many others do already, repeat it later");
    await new Promise<void>((resolve, reject) => {
      const begin = (): void => {
        clearTimeout(timer);
        waiting.delete(begin);
        resolve();
      };
      const timer = setTimeout(() => {
        waiting.delete(begin);
        reject(tooSlow("others take all the time that there is for searches, repeat it later"));
      }, limits.waitMsMax);
      waiting.add(begin);
    });
  };

  /** Whoever waits takes the place over. */
  const end = (): void => {
    const [next] = waiting;
    if (next === undefined) running -= 1;
    else next();
  };

  return async (work) => {
    await turn();
    try {
      return await work(db);
    } catch (error) {
      if (!isStatementTimeout(error)) throw error;
      throw tooSlow(
        `among so many users it takes longer than ${limits.statementTimeoutMs} ms; ask for smtp, or for a longer part of the name`,
      );
    } finally {
      end();
    }
  };
}
