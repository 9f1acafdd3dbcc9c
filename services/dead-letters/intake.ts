/**
 * Promise: a dead letter that RabbitMQ holds is in the table before it is acknowledged, once, and counted when it is news;
 * one that can't be stored does not keep the others back.
 *
 * A database that can't be reached is waited for with backoff; what is in hand goes back to the queue untouched when
 * the service stops meanwhile.
 */

import { retry } from "../../mixins/basics/retry.ts";
import { applyBisecting } from "../../mixins/bus/bisect.ts";
import { reasonLabel } from "../../mixins/bus/dead-letter-cause.ts";
import { storeDeadLetter } from "../../mixins/bus/dead-letters.ts";
import { logDeadLetter } from "../../mixins/bus/delivery-verdicts.ts";
import type { DeadLetter, LetterHandler } from "../../mixins/bus/port.ts";
import { errorText } from "../../mixins/log/error-text.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import type { Metrics } from "../../mixins/metrics/metrics.ts";
import { type Database, isContention, isDatabaseUnavailable } from "../../mixins/postgres/database.ts";
import { Unavailable } from "../contracts/errors.ts";

const faultDelayMinMs = 100;
const faultDelayMaxMs = 5_000;

export interface IntakeOptions {
  readonly db: Database;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, "eventsDeadLettered">;
}

type Stored = "news" | "known" | "not stored";

const isPassing = (error: unknown): boolean =>
  error instanceof Unavailable || isDatabaseUnavailable(error) || isContention(error);

/** The handler for a bus to call; never rejects. */
export function intake({ db, log, metrics }: IntakeOptions, stopping: AbortSignal): LetterHandler {
  const storeAll = (letters: readonly DeadLetter[]): Promise<Stored[]> =>
    db.transaction(async (em) => {
      const stored: Stored[] = [];
      for (const letter of letters) stored.push((await storeDeadLetter(em, letter)) ? "news" : "known");
      return stored;
    });

  const storePatiently = (letters: readonly DeadLetter[]): Promise<readonly Stored[]> =>
    retry(() => storeAll(letters), {
      minMs: faultDelayMinMs,
      maxMs: faultDelayMaxMs,
      signal: stopping,
      mayPass(error, failures) {
        if (!isPassing(error)) return false;
        if (failures === 0) log.warn({ reason: errorText(error) }, "dead letters wait for their database");
        return true;
      },
    });

  return async (letters) => {
    const stored = await applyBisecting<DeadLetter, Stored>(
      letters,
      storePatiently,
      async (letter, error) => {
        const { queue, messageId } = letter;
        if (!stopping.aborted)
          log.error(
            { queue, eventId: messageId, reason: errorText(error) },
            "dead letter can't be stored yet",
          );
        return "not stored";
      },
    );
    for (const [index, letter] of letters.entries()) {
      if (stored[index] !== "news") continue;
      const { queue, reason } = letter;
      metrics.eventsDeadLettered.inc({ queue, reason: reasonLabel(reason) });
      // What RabbitMQ gave up by itself no consumer has logged: this is the letter's one line.
      if (letter.byBroker === true) logDeadLetter(log, queue, letter, letter);
    }
    return letters.map((_, index) => stored[index] !== "not stored");
  };
}
