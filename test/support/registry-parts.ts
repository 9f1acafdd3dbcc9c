/** smtp-registry's parts on a database of their own, with a clock that the test moves. */
import { randomUUID } from "node:crypto";
import type { Applied } from "../../mixins/bus/event-consumer.ts";
import type { ActionInput } from "../../services/contracts/actions.ts";
import type { UserFact } from "../../services/contracts/events.ts";
import type { HeldKey, Reservation } from "../../services/contracts/reservations.ts";
import { dayMs } from "../../services/contracts/terms.ts";
import { blockedNames } from "../../services/smtp-registry/blocked.ts";
import { registryEntities } from "../../services/smtp-registry/entities.ts";
import { settleHolds } from "../../services/smtp-registry/lapsed-holds.ts";
import { lookUp } from "../../services/smtp-registry/look-up.ts";
import { apply } from "../../services/smtp-registry/projection.ts";
import { release } from "../../services/smtp-registry/reserve-alone.ts";
import type { RegistryRules } from "../../services/smtp-registry/reserve-request.ts";
import { reserver } from "../../services/smtp-registry/reserve-together.ts";
import { sweep } from "../../services/smtp-registry/tombstone-sweep.ts";
import { testLogger } from "./logs.ts";
import { ownDatabase } from "./own-database.ts";

export const ttlMs = 60_000;
export const terms = { tombstoneDays: 30, quarantineDays: 365 };

export type RegistryParts = Awaited<ReturnType<typeof registryParts>>;

interface Wish {
  /** The primary, then the secondaries. */
  readonly want: readonly string[];
  readonly callerWaitsMs?: number;
}

export async function registryParts() {
  const own = await ownDatabase("registry");
  const lines: Record<string, unknown>[] = [];
  const db = await own.open(registryEntities, {
    poolMax: 10,
    log: testLogger({ lines }),
  });
  let time = new Date("2026-03-01T12:00:00.000Z").getTime();
  const now = () => new Date(time);
  const rules: RegistryRules = {
    terms,
    reservationTtlMs: ttlMs,
    blocked: blockedNames(["ceo", "postmaster", "abuse"]),
    now,
  };
  const reserve = reserver(db, rules);
  return {
    db,
    sql: own.pool,
    rules,
    now,
    advance(ms: number) {
      time += ms;
    },
    advanceDays(days: number) {
      time += days * dayMs;
    },
    reserve: ({
      want,
      callerWaitsMs,
      ...request
    }: Partial<ActionInput<"smtp-registry.reserve">> & Wish): Promise<Reservation> =>
      reserve(
        {
          reservationId: randomUUID(),
          userId: randomUUID(),
          onTaken: "suffix",
          addresses: want.map((address, index) => ({ address, kind: index === 0 ? "primary" : "secondary" })),
          ...request,
        },
        callerWaitsMs,
      ),
    release: (reservationId: string, userId: string) => release(db, { reservationId, userId }),
    apply: (...events: UserFact[]): Promise<Applied[]> => db.transaction((em) => apply(em, rules, events)),
    lookUp: (address: string, at?: string) =>
      lookUp(db, rules, { address, ...(at === undefined ? {} : { at }) }),
    /** One round; resolves with how many addresses are gone. `holders`: what users says, if it can be asked. */
    async sweep(holders: readonly HeldKey[] | "can't be asked" = []): Promise<number> {
      const ask = async (keys: readonly string[]) => {
        if (holders === "can't be asked") throw new Error("Cannot ask users");
        return holders.filter(({ key }) => keys.includes(key));
      };
      return (await sweep(db, rules)) + (await settleHolds(db, rules, ask));
    },
    /** How many statements the registry has sent. */
    statements: () => lines.filter(({ msg }) => msg === "statement" || msg === "slow statement").length,
    close: own.close,
  };
}
