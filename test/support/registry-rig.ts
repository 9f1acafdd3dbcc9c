/** smtp-registry's parts on a database of their own, with a clock that the test moves; and events to feed it. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import type { Applied } from "../../mixins/bus/event-consumer.ts";
import { type Database, database } from "../../mixins/postgres/database.ts";
import type { ActionInput, AddressInfo } from "../../services/contracts/actions.ts";
import type { Change, UserEvent, UserEventType } from "../../services/contracts/events.ts";
import type { HeldKey, Reservation } from "../../services/contracts/reservations.ts";
import { dayMs } from "../../services/contracts/terms.ts";
import { migrate } from "../../services/runtime/migrations.ts";
import { blockedNames } from "../../services/smtp-registry/blocked.ts";
import { registryEntities } from "../../services/smtp-registry/entities.ts";
import { settleHolds } from "../../services/smtp-registry/holds.ts";
import { lookUp } from "../../services/smtp-registry/look-up.ts";
import { apply } from "../../services/smtp-registry/projection.ts";
import type { RegistryRules } from "../../services/smtp-registry/request.ts";
import { release } from "../../services/smtp-registry/reservations.ts";
import { reserving } from "../../services/smtp-registry/reserve.ts";
import { sweep } from "../../services/smtp-registry/sweep.ts";
import { testLogger } from "./logs.ts";
import { testDatabase } from "./resources.ts";

export const ttlMs = 60_000;
export const terms = { tombstoneDays: 30, quarantineDays: 365 };

export interface RegistryRig {
  readonly db: Database;
  readonly sql: pg.Pool;
  readonly rules: RegistryRules;
  now(): Date;
  advance(ms: number): void;
  advanceDays(days: number): void;
  reserve(request: Partial<ActionInput<"smtp-registry.reserve">> & Wish): Promise<Reservation>;
  release(reservationId: string, userId: string): Promise<number>;
  apply(...events: UserEvent[]): Promise<Applied[]>;
  lookUp(address: string, at?: string): Promise<AddressInfo>;
  /** One round; resolves with how many addresses are gone. `holders`: what users says, if it can be asked. */
  sweep(holders?: readonly HeldKey[] | "can't be asked"): Promise<number>;
  /** How many statements the registry has sent. */
  statements(): number;
  close(): Promise<void>;
}

interface Wish {
  /** The primary, then the secondaries. */
  readonly want: readonly string[];
  readonly callerWaitsMs?: number;
}

export async function registryRig(): Promise<RegistryRig> {
  const resource = await testDatabase();
  await migrate("registry", resource.url);
  const lines: Record<string, unknown>[] = [];
  const db = database({
    url: resource.url,
    entities: registryEntities,
    applicationName: "registry-rig",
    poolMax: 10,
    statementTimeoutMs: 10_000,
    connectTimeoutMs: 10_000,
    log: testLogger({ lines }),
  });
  const service = {} as never;
  await (db.mixin.started as () => Promise<void>).call(service);
  const sql = new pg.Pool({ connectionString: resource.url, max: 4 });
  let time = new Date("2026-03-01T12:00:00.000Z").getTime();
  const now = () => new Date(time);
  const rules = {
    terms,
    reservationTtlMs: ttlMs,
    blocked: blockedNames(["ceo", "postmaster", "abuse"]),
    now,
  };
  const reserve = reserving(db, rules);
  return {
    db,
    sql,
    rules,
    now,
    advance(ms) {
      time += ms;
    },
    advanceDays(days) {
      time += days * dayMs;
    },
    reserve: ({ want, callerWaitsMs, ...request }) =>
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
    release: (reservationId, userId) => release(db, { reservationId, userId }),
    apply: (...events) => db.transaction((em) => apply(em, rules, events)),
    lookUp: (address, at) => lookUp(db, rules, { address, ...(at === undefined ? {} : { at }) }),
    async sweep(holders = []) {
      const ask = async (keys: readonly string[]) => {
        if (holders === "can't be asked") throw new Error("Cannot ask users");
        return holders.filter(({ key }) => keys.includes(key));
      };
      return (await sweep(db, rules)) + (await settleHolds(db, rules, ask));
    },
    statements: () => lines.filter(({ msg }) => msg === "statement").length,
    async close() {
      await sql.end();
      await (db.mixin.stopped as () => Promise<void>).call(service);
      await resource.drop();
    },
  };
}

interface Addresses {
  readonly primarySmtp: string;
  readonly secondarySmtps: readonly string[];
  readonly deletedAt: string | null;
}

/** A user's life as its events tell it; each step is one version, a second after the one before. */
export class Life {
  readonly events: UserEvent[] = [];
  readonly id: string;
  #state: Addresses = { primarySmtp: "", secondarySmtps: [], deletedAt: null };
  #timeMs: number;

  constructor(start: Date, id: string = randomUUID()) {
    this.#timeMs = start.getTime();
    this.id = id;
  }

  create(primarySmtp: string, ...secondarySmtps: string[]): UserEvent {
    return this.#step("user.created.v1", { primarySmtp, secondarySmtps, deletedAt: null });
  }

  update(primarySmtp: string, ...secondarySmtps: string[]): UserEvent {
    return this.#step("user.updated.v1", { ...this.#state, primarySmtp, secondarySmtps });
  }

  remove(): UserEvent {
    const deletedAt = new Date(this.#timeMs + 1_000).toISOString();
    return this.#step("user.deleted.v1", { ...this.#state, deletedAt });
  }

  restore(): UserEvent {
    return this.#step("user.restored.v1", { ...this.#state, deletedAt: null });
  }

  /** As a repair tells it: the state as it is. */
  tellAgain(): UserEvent {
    return this.#step(this.deleted ? "user.deleted.v1" : "user.updated.v1", this.#state);
  }

  get deleted(): boolean {
    return this.#state.deletedAt !== null;
  }

  #step(type: UserEventType, state: Addresses): UserEvent {
    this.#timeMs += 1_000;
    const time = new Date(this.#timeMs).toISOString();
    const before = this.#state;
    const changes: Change[] = (["primarySmtp", "secondarySmtps", "deletedAt"] as const)
      .filter((field) => JSON.stringify(before[field]) !== JSON.stringify(state[field]))
      .map((field) => ({ field, from: this.events.length === 0 ? null : before[field], to: state[field] }));
    this.#state = state;
    const version = this.events.length + 1;
    const event = {
      specversion: "1.0",
      id: randomUUID(),
      source: "/mailroster/users",
      type,
      subject: this.id,
      time,
      correlationid: "test",
      causationid: "test",
      sequence: version,
      actor: "test",
      data: {
        user: { id: this.id, displayName: "Ann", ...state, version, createdAt: time, updatedAt: time },
        changes,
      },
    } as unknown as UserEvent;
    this.events.push(event);
    return event;
  }
}
