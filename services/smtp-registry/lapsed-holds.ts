/**
 * Promise: the hold of a committed user does not lapse while its event waits, and no hold's row goes before users was
 * asked whether there is such a user. While users can't be asked the rows stay, and a look-up tells them as reserved.
 *
 * In ordinary times nothing but the holds of failed writes is old enough to be asked about.
 * Docs: docs/adr/0020-a-hold-lasts-until-users-says.md.
 */
import type { ServiceBroker } from "moleculer";
import type { Mixin } from "../../mixins/basics/mixin.ts";
import { errorText } from "../../mixins/log/error-text.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import { callAction } from "../../mixins/moleculer/calls.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { sweeper, sweepRowsMax } from "../../mixins/postgres/sweeping.ts";
import type { HeldKey } from "../contracts/reservations.ts";
import { AddressRow } from "./entities.ts";
import type { RegistryRules } from "./reserve-request.ts";
import * as sql from "./sql.ts";

/** Of one round; more are for the next. */
const pagesMax = 20;
const askTimeoutMs = 2_000;
const roundEveryMsMax = 15_000;

/** Who has these keys, by the users' own guard: users that live, or whose terms are not over. */
export type AskHolders = (keys: readonly string[]) => Promise<readonly HeldKey[]>;

type HoldRules = Pick<RegistryRules, "now" | "reservationTtlMs">;

/** One round over the holds that end within half of their time to live. Resolves with how many are gone; rejects when users can't be asked. */
export async function settleHolds(db: Database, rules: HoldRules, ask: AskHolders): Promise<number> {
  const now = rules.now();
  const until = new Date(now.getTime() + rules.reservationTtlMs / 2);
  let after: EndingHold = { expiresAt: new Date(0), key: "" };
  let total = 0;
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const page = await endingHolds(db, until, after);
    const last = page.at(-1);
    if (last === undefined) break;
    total += await settlePage(db, rules, { now, until, page }, ask);
    if (page.length < sweepRowsMax) break;
    after = last;
  }
  return total;
}

interface EndingHold {
  readonly key: string;
  readonly expiresAt: Date;
}

/** A page of the holds that end by a time, in the order of their ends. */
async function endingHolds(db: Database, until: Date, after: EndingHold): Promise<EndingHold[]> {
  const rows = await db.read((em) =>
    em.find(
      AddressRow,
      {
        status: "reserved",
        expiresAt: { $gte: after.expiresAt, $lte: until },
        $or: [{ expiresAt: { $gt: after.expiresAt } }, { key: { $gt: after.key } }],
      },
      { fields: ["key", "expiresAt"], orderBy: { expiresAt: "asc", key: "asc" }, limit: sweepRowsMax },
    ),
  );
  return rows.flatMap(({ key, expiresAt }) => (expiresAt ? [{ key, expiresAt }] : []));
}

interface Page {
  readonly now: Date;
  readonly until: Date;
  readonly page: readonly EndingHold[];
}

async function settlePage(
  db: Database,
  { reservationTtlMs }: HoldRules,
  { now, until, page }: Page,
  ask: AskHolders,
): Promise<number> {
  const holders = await ask(page.map(({ key }) => key));
  const isHeld = new Set(holders.map(({ key }) => key));
  const held = holders.map(({ userId, ...rest }) => ({ user_id: userId, ...rest }));
  const expiresAt = new Date(now.getTime() + reservationTtlMs);
  const keys = page.flatMap(({ key, expiresAt: end }) => (end <= now && !isHeld.has(key) ? [key] : []));
  return db.read(async (em) => {
    if (held.length > 0) await run(em, sql.keepHolds(held, expiresAt, until));
    if (keys.length === 0) return 0;
    return (await run(em, sql.sweepHolds(keys, now, sweepRowsMax))).length;
  });
}

/** Asks users, several times within a time to live, from `started` to `stopped`. */
export function holdSettler(db: Database, rules: HoldRules, log: Logger): Mixin {
  let broker: ServiceBroker | undefined;
  const ask: AskHolders = async (keys) => {
    if (broker === undefined) throw new Error("Cannot ask users: the service is not started");
    const { items } = await callAction(
      broker,
      "users.holders",
      { keys: [...keys] },
      { timeout: askTimeoutMs },
    );
    return items;
  };
  const settle = async (): Promise<number> => {
    try {
      return await settleHolds(db, rules, ask);
    } catch (error) {
      log.debug({ reason: errorText(error) }, "can't ask users whose holds are committed: they stay");
      return 0;
    }
  };
  const everyMs = Math.min(rules.reservationTtlMs / 4, roundEveryMsMax);
  const sweeping = sweeper("lapsed holds", settle, log, everyMs);
  return {
    ...sweeping,
    created(this: { broker: ServiceBroker }) {
      broker = this.broker;
    },
  };
}
