/**
 * Promise: every event in the outbox reaches the bus at least once, a user's events in the order of their ids, with
 * any number of relays on one database; a row is deleted only after the bus has confirmed it.
 *
 * One loop: claim partitions (a transaction-level advisory lock each) → read → publish → delete what was confirmed →
 * commit. A relay that dies anywhere gives its partitions back with its connection, and what it had published but not
 * deleted goes out again: repeats happen, losses do not. The transaction is open while the bus works, but it holds
 * neither a snapshot (READ COMMITTED, between two statements) nor a transaction id (it has written nothing yet), so
 * it keeps neither vacuum nor the watermark back.
 *
 * The relay knows the columns of a row and nothing of what the body says, but for its trace when spans are recorded.
 */
import type { Bus } from "../../mixins/bus/port.ts";
import type { Database } from "../../mixins/database.ts";
import { errorText } from "../../mixins/error-text.ts";
import type { Logger } from "../../mixins/logging.ts";
import type { Metrics } from "../../mixins/metrics.ts";
import { type Batch, measurePending, type Pending, runBatch } from "./batch.ts";
import { createHolds, type Holds } from "./holds.ts";
import type { OutboxRow } from "./publish.ts";
import { type Alarm, createAlarm, createSchedule, type Look } from "./schedule.ts";
import { createWatermarks, type Watermarks } from "./watermark.ts";

/** So many users refused at once are the bus's trouble, not theirs: wait until some may be tried again. */
const heldUsersMax = 1_000;
/** How long `stop` waits for the outcomes of the batch in hand before it leaves them to the next relay. */
const stopWaitMs = 5_000;

export interface RelayOptions {
  readonly db: Database;
  readonly bus: Bus;
  readonly log: Logger;
  readonly metrics: Metrics;
}

const monotonicMs = (): number => performance.now();

/** Started and stopped once. */
export class Relay {
  readonly #options: RelayOptions;
  readonly #alarm: Alarm = createAlarm(monotonicMs);
  readonly #holds: Holds = createHolds(monotonicMs);
  readonly #watermarks: Watermarks = createWatermarks(monotonicMs);
  readonly #soon = new AbortController();
  readonly #now = new AbortController();
  #unsubscribe: () => void = () => {};
  #unmeasure: () => void = () => {};
  #running: Promise<void> | undefined;
  #failing = false;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  start(): void {
    this.#unsubscribe = this.#options.bus.onReady(() => this.nudge());
    this.#unmeasure = this.#measured();
    this.#running ??= this.#run();
  }

  /** Something was committed; cheap, never fails, may be called for each commit. */
  nudge(): void {
    this.#alarm.ring();
  }

  /** Resolves when the batch in hand is finished, or is left to the next relay after `stopWaitMs`. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#unmeasure();
    this.#soon.abort();
    this.#alarm.ring();
    const deadline = setTimeout(() => this.#now.abort(), stopWaitMs);
    await this.#running;
    clearTimeout(deadline);
  }

  async #run(): Promise<void> {
    const schedule = createSchedule(monotonicMs);
    let last: Look = "full";
    while (!this.#soon.signal.aborted) {
      const waitMs = Math.min(schedule.after(last), this.#holds.nextMs() ?? Number.POSITIVE_INFINITY);
      const nudged = await this.#alarm.wait(Math.ceil(waitMs), this.#soon.signal);
      if (!this.#soon.signal.aborted) last = await this.#look(nudged || last === "full");
    }
  }

  /** Never rejects: whatever fails, the rows are still there. */
  async #look(expectsWork: boolean): Promise<Look> {
    try {
      const look = await this.#measureAndDeliver(expectsWork);
      if (this.#failing) this.#options.log.info("the outbox can be read again");
      this.#failing = false;
      return look;
    } catch (error) {
      if (!this.#failing)
        this.#options.log.warn({ reason: errorText(error) }, "the outbox can't be read, its relay waits");
      this.#failing = true;
      return "failed";
    }
  }

  /** An idle poll is one statement, which takes no lock. */
  async #measureAndDeliver(expectsWork: boolean): Promise<Look> {
    if (!expectsWork && (await this.#measure()).pending === 0) return "idle";
    const held = this.#holds.held();
    if (!this.#busIsReady() || held.size > heldUsersMax) return "blocked";
    return this.#deliver(held);
  }

  #measure(): Promise<Pending> {
    return this.#options.db.read((em) => measurePending(em, this.#watermarks));
  }

  /** Not by the loop: the age of what waits must go on growing when the loop is the one that is stuck. */
  #measured(): () => void {
    const { onScrape, outboxPending, outboxOldestAge } = this.#options.metrics;
    return onScrape({
      measure: async () => {
        const { pending, oldestAgeS } = await this.#measure();
        return () => {
          outboxPending.set(pending);
          outboxOldestAge.set(oldestAgeS);
        };
      },
      forget() {
        outboxPending.remove();
        outboxOldestAge.remove();
      },
    });
  }

  async #deliver(held: ReadonlyMap<string, number>): Promise<Look> {
    const { db, bus } = this.#options;
    const stopping = { soon: this.#soon.signal, now: this.#now.signal };
    const watermarks = this.#watermarks;
    const batch = await db.transaction((em) => runBatch(em, { bus, watermarks, held, stopping }));
    const { observation, published } = batch;
    watermarks.observe(observation);
    this.#tell(batch);
    // A bus that has gone away refuses everything; that says nothing of the users.
    if (published.refused.length > 0 && !this.#busIsReady()) return "blocked";
    this.#holdBack(batch);
    if (published.confirmed.length + published.refused.length === 0) return "idle";
    if (batch.more) return "full";
    return published.confirmed.length > 0 ? "worked" : "idle";
  }

  #tell({ published }: Batch): void {
    const { log, metrics } = this.#options;
    for (const row of published.confirmed) {
      this.#holds.confirm(row.aggregateId);
      metrics.eventsPublished.inc({ type: row.type });
      log.debug(identityOf(row), "event published");
    }
  }

  #holdBack({ published }: Batch): void {
    for (const { row, reason, retryAfterMs } of published.refused) {
      this.#holds.refuse(row.aggregateId, row.partition, retryAfterMs);
      this.#options.log.warn(
        { ...identityOf(row), reason },
        "the bus refused an event, its user's events wait",
      );
    }
  }

  #busIsReady(): boolean {
    const { connected, blocked } = this.#options.bus.status();
    return connected && !blocked;
  }
}

const identityOf = (row: OutboxRow) => ({
  correlationId: row.correlationId,
  eventId: row.eventId,
  eventType: row.type,
  userId: row.aggregateId,
});
