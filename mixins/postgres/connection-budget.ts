/**
 * Promise: a pool and the backends of connections that it gave up are together no more than the size of the pool, and
 * transactions leave a share of it to reads.
 *
 * A commit that waits for a standby hears no timeout. When its connection is given up its backend waits on, with locks,
 * and to end it would make visible what no standby has. So it counts for as long as the server works on it, which is
 * asked over a connection of the reads' share.
 */
import type { Pool } from "pg";
import type { DatabaseClient } from "./database-client.ts";

/** Of a pool, for reads alone; at least one connection. */
const readsShare = 0.25;
const askEveryMs = 500;

export interface Backend {
  readonly pid: number;
  /** It waits for a standby. */
  readonly isCommit: boolean;
}

export interface BudgetOptions {
  readonly poolMax: number;
  /** How long a transaction waits for its turn. */
  readonly waitMsMax: number;
  /** Which of these the server works on still. */
  ask(pids: readonly number[]): Promise<readonly Backend[]>;
}

export class ConnectionBudget {
  readonly #options: BudgetOptions;
  readonly #readsMin: number;
  readonly #transactionsMax: number;
  /** By the number of its backend, whether that is known to wait for a standby. */
  readonly #givenUp = new Map<number, boolean>();
  /** What begins each transaction that waits, in the order of their arrival. */
  readonly #waiting = new Set<() => void>();
  #running = 0;
  #pool: Pool | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BudgetOptions) {
    this.#options = options;
    this.#readsMin = Math.max(1, Math.floor(options.poolMax * readsShare));
    this.#transactionsMax = Math.max(1, options.poolMax - this.#readsMin);
  }

  /** Transactions that wait for their turn. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Commits that were given up and wait for a standby. */
  get commitsWaiting(): number {
    return [...this.#givenUp.values()].filter(Boolean).length;
  }

  /** From now on the pool opens no more connections than the budget leaves it. */
  watch(pool: Pool): void {
    this.#pool = pool;
    pool.on("release", (_: Error, client: unknown) => {
      const { unansweredBackend: pid } = client as DatabaseClient;
      if (pid === undefined) return;
      this.#givenUp.set(pid, false);
      this.#divide();
      this.#timer ??= this.#askLater();
    });
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pool = undefined;
    this.#givenUp.clear();
  }

  /** Rejects when its turn does not come in time, and at once while backends that were given up have all the room. */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.#turn();
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#serve();
    }
  }

  get #hasRoom(): boolean {
    return this.#running + this.#givenUp.size < this.#transactionsMax;
  }

  async #turn(): Promise<void> {
    if (this.#givenUp.size >= this.#transactionsMax)
      throw new Error("Commits wait for a standby: their backends have all connections but those for reads");
    if (this.#hasRoom) {
      this.#running += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const begin = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(begin);
        this.#running += 1;
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(begin);
        reject(new Error("timeout exceeded when trying to connect"));
      }, this.#options.waitMsMax);
      this.#waiting.add(begin);
    });
  }

  #serve(): void {
    for (const begin of this.#waiting) {
      if (!this.#hasRoom) return;
      begin();
    }
  }

  #divide(): void {
    if (this.#pool === undefined) return;
    this.#pool.options.max = Math.max(this.#readsMin, this.#options.poolMax - this.#givenUp.size);
    this.#serve();
  }

  #askLater(): NodeJS.Timeout {
    return setTimeout(() => void this.#ask(), askEveryMs).unref();
  }

  async #ask(): Promise<void> {
    const pids = [...this.#givenUp.keys()];
    // While nobody answers they count.
    const backends = await this.#options.ask(pids).catch(() => undefined);
    if (this.#pool === undefined) return;
    if (backends !== undefined) {
      for (const pid of pids) this.#givenUp.delete(pid);
      for (const { pid, isCommit } of backends) this.#givenUp.set(pid, isCommit);
    }
    this.#divide();
    this.#timer = this.#givenUp.size > 0 ? this.#askLater() : undefined;
  }
}
