/**
 * An open-loop load: so many writes a second are begun, whatever becomes of the earlier ones, and each is repeated under
 * its Idempotency-Key, no sooner than Retry-After says. No two of them want the same address or change the same user at once, so every refusal is a fault.
 * Beside them goes a read every now and then, which is not repeated.
 */
import { setTimeout as delay } from "node:timers/promises";
import { perform, type Wire } from "../chaos/client.ts";
import type { Operation, OperationKind, UserAnswer } from "../chaos/journal.ts";
import { seeded } from "../chaos/random.ts";
import { request } from "../support/processes.ts";
import type { TimedJournal } from "./journal.ts";

const tickMs = 20;
const readEveryMs = 250;
export const patienceMs = 90_000;
const shares = { create: 0.6, rename: 0.2, move: 0.15 } as const;

export interface OpenLoad {
  /** Writes a second from now on. */
  pace(rate: number): void;
  /** Begins nothing more; resolves when what was begun has its answer or was given up. */
  stop(): Promise<void>;
}

export interface LoadOptions {
  readonly rate: number;
  readonly seed: number;
  /** Part of every name and address: has to differ from load to load on one system. */
  readonly run: string;
}

interface OpenWire extends Wire {
  readonly journal: TimedJournal;
}

class OpenClients {
  readonly #wire: OpenWire;
  readonly #random;
  readonly #run: string;
  /** Users whom nobody is changing now. */
  readonly #idle: UserAnswer[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #count = 0;

  constructor(wire: OpenWire, { seed, run }: LoadOptions) {
    this.#wire = wire;
    this.#random = seeded(seed);
    this.#run = run;
  }

  begin(): void {
    const work = this.#one().finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
  }

  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async read(): Promise<void> {
    const user = this.#idle.at(-1);
    if (user === undefined) return;
    const { url, journal, elapsedMs } = this.#wire;
    const status = await request(`${url}/users/${user.id}`).then(
      (answer) => answer.status,
      () => 0,
    );
    // Somebody may have deleted it meanwhile.
    journal.read({ atMs: elapsedMs(), status: status === 404 ? 200 : status });
  }

  #take(): UserAnswer | undefined {
    const at = this.#random.between(0, Math.max(0, this.#idle.length - 1));
    return this.#idle.splice(at, 1)[0];
  }

  async #one(): Promise<void> {
    this.#count += 1;
    const id = `${this.#run}-${this.#count}`;
    const address = `${id}@ha.example`;
    const chance = this.#random.next();
    const target = chance < shares.create ? undefined : this.#take();
    const isRename = chance < shares.create + shares.rename;
    const isMove = !isRename && chance < shares.create + shares.rename + shares.move;
    const kind: OperationKind =
      target === undefined ? "create" : isRename ? "rename" : isMove ? "move" : "remove";
    const requests: Partial<Record<OperationKind, unknown>> = {
      create: { displayName: id, primarySmtp: address },
      rename: { displayName: id },
      move: { displayName: id, primarySmtp: address },
    };
    const operation: Operation = {
      id,
      client: 0,
      kind,
      userId: target?.id,
      certain: true,
      request: requests[kind],
      startedMs: this.#wire.elapsedMs(),
      attempts: 0,
      ambiguous: false,
      outcome: "open",
    };
    await perform(this.#wire, operation);
    // Whoever was given up may still be changed by an attempt that is on its way: nobody touches them again.
    if (operation.outcome === "acknowledged" && operation.answer !== undefined && kind !== "remove")
      this.#idle.push(operation.answer);
  }
}

/** Begins at once. */
export function startLoad(wire: OpenWire, options: LoadOptions): OpenLoad {
  const clients = new OpenClients({ patienceMs, keepsRetryAfter: true, ...wire }, options);
  const stopping = new AbortController();
  const { signal } = stopping;
  let { rate } = options;
  const live = async (): Promise<void> => {
    let due = 0;
    let before = performance.now();
    while (!signal.aborted) {
      const now = performance.now();
      due += ((now - before) / 1_000) * rate;
      before = now;
      for (; due >= 1; due -= 1) clients.begin();
      await delay(tickMs, undefined, { signal }).catch(() => {});
    }
  };
  const look = async (): Promise<void> => {
    while (!signal.aborted) {
      void clients.read();
      await delay(readEveryMs, undefined, { signal }).catch(() => {});
    }
  };
  const lives = Promise.all([live(), look()]);
  return {
    pace(next) {
      rate = next;
    },
    async stop() {
      stopping.abort();
      await lives;
      await clients.settled();
    },
  };
}

/** Writes a second of so many clients who wait for each answer; they warm up what is fresh, too. */
export async function capacityOf(
  wire: Wire,
  { clients, forMs }: { clients: number; forMs: number },
): Promise<number> {
  const { elapsedMs } = wire;
  const fromMs = elapsedMs();
  let count = 0;
  let done = 0;
  const client = async (): Promise<void> => {
    while (elapsedMs() - fromMs < forMs) {
      count += 1;
      const id = `capacity-${fromMs}-${count}`;
      const request = { displayName: id, primarySmtp: `${id}@ha.example` };
      const known = { client: 0, kind: "create", userId: undefined, certain: true, request } as const;
      const fresh = { attempts: 0, ambiguous: false, outcome: "open" } as const;
      const operation: Operation = { id, ...known, startedMs: elapsedMs(), ...fresh };
      await perform(wire, operation);
      if (operation.outcome === "acknowledged") done += 1;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return (done * 1_000) / (elapsedMs() - fromMs);
}
