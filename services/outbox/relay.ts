/**
 * Promise: every event in the outbox reaches the bus at least once, a user's events in the order of their ids, with
 * any number of relays on one database; a row is deleted only after the bus has confirmed it.
 *
 * A loop, and a second one beside it for a backlog: claim partitions (a transaction-level advisory lock each) → read →
 * publish → move out what was confirmed → commit. A relay that dies anywhere gives its partitions back with its
 * connection, and what it had published but not moved out goes out again: repeats happen, losses do not. The transaction
 * is open while the bus works, but it holds neither a snapshot (READ COMMITTED, between two statements) nor a
 * transaction id (it has written nothing yet), so it keeps neither vacuum nor the watermark back. Only after a failure
 * does it write first, and take that back: a database that would not let the rows go (its disk is full) must not have
 * the same ones published again and again.
 *
 * The relay knows the columns of a row and nothing of what the body says, but for its trace when spans are recorded.
 */
import { publishFault } from "../../mixins/bus/bus-check.ts";
import type { Bus } from "../../mixins/bus/port.ts";
import { errorMessage } from "../../mixins/log/error-text.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import type { Metrics } from "../../mixins/metrics/metrics.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { type Batch, pendingBehind, runBatch } from "./claim-batch.ts";
import { type HeldBackUsers, heldBackUsers } from "./held-back-users.ts";
import type { OutboxRow } from "./publish.ts";
import { type Alarm, type Look, pollAlarm, pollSchedule } from "./schedule.ts";
import type { Pending } from "./sql.ts";
import { lowWatermarks, type Watermarks } from "./watermark.ts";

/** So many users refused at once are the bus's trouble, not theirs: wait until some may be tried again. */
const heldUsersMax = 1_000;
/** How long `stop` waits for the outcomes of the batch in hand before it leaves them to the next relay. */
const stopWaitMs = 5_000;

export interface RelayOptions {
  readonly db: Database;
  readonly bus: Bus;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Milliseconds that never go back. */
  readonly monotonicMs?: () => number;
}

/** Of a backlog, so many batches are under way at once: the database reads one while the bus takes the other. */
export const batchesMax = 2;

/** What the relay does next is decided by the lane that has most to say. */
const worst: readonly Look[] = ["failed", "blocked", "full", "worked", "idle"];

/** Started and stopped once. */
export class Relay {
  readonly #options: RelayOptions;
  readonly #monotonicMs: () => number;
  readonly #alarm: Alarm;
  readonly #holds: HeldBackUsers;
  /** Each lane has its own, as another relay would: a mark may only move by what its own looks have seen. */
  readonly #lanes: readonly Watermarks[];
  readonly #soon = new AbortController();
  readonly #now = new AbortController();
  #unsubscribe: () => void = () => {};
  #unmeasure: () => void = () => {};
  #running: Promise<void> | undefined;
  #failing = false;
  /** Nothing was moved out since the start or the last failure, so the next batch may be one that can't be. */
  #rehearses = true;
  /** Why nothing goes out, as it was last told. */
  #busFault: string | undefined;
  /** Events since the last wait. */
  #confirmed = 0;

  constructor(options: RelayOptions) {
    this.#options = options;
    const monotonicMs = options.monotonicMs ?? (() => performance.now());
    this.#monotonicMs = monotonicMs;
    this.#alarm = pollAlarm(monotonicMs);
    this.#holds = heldBackUsers(monotonicMs);
    this.#lanes = Array.from({ length: batchesMax }, () => lowWatermarks(monotonicMs));
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
    const schedule = pollSchedule(this.#monotonicMs);
    let last: Look = "full";
    while (!this.#soon.signal.aborted) {
      const waitMs = Math.min(schedule.after(last), this.#holds.nextMs() ?? Number.POSITIVE_INFINITY);
      const nudged = await this.#alarm.wait(Math.ceil(waitMs), this.#confirmed, this.#soon.signal);
      this.#confirmed = 0;
      if (this.#soon.signal.aborted) return;
      last = await (last === "full" ? this.#catchUp() : this.#look(this.#firstLane, nudged));
    }
  }

  get #firstLane(): Watermarks {
    return this.#lanes[0] as Watermarks;
  }

  /** Until no lane finds more than it can take. */
  async #catchUp(): Promise<Look> {
    const looks = await Promise.all(
      this.#lanes.map(async (watermarks) => {
        let look: Look = "full";
        while (look === "full" && !this.#soon.signal.aborted) look = await this.#look(watermarks, true);
        return look;
      }),
    );
    return worst.find((look) => looks.includes(look)) ?? "idle";
  }

  /** Never rejects: whatever fails, the rows are still there. */
  async #look(watermarks: Watermarks, expectsWork: boolean): Promise<Look> {
    try {
      const look = await this.#measureAndDeliver(watermarks, expectsWork);
      if (this.#failing) this.#options.log.info("the outbox can be used again");
      this.#failing = false;
      return look;
    } catch (error) {
      if (!this.#failing)
        this.#options.log.warn({ reason: errorMessage(error) }, "the outbox can't be used, its relay waits");
      this.#failing = true;
      this.#rehearses = true;
      return "failed";
    }
  }

  async #measureAndDeliver(watermarks: Watermarks, expectsWork: boolean): Promise<Look> {
    if (!expectsWork && (await this.#isEmpty(watermarks))) return "idle";
    const held = this.#holds.held();
    if (!this.#busIsReady()) {
      this.#tellBusFault(publishFault(this.#options.bus));
      return "blocked";
    }
    if (held.size > heldUsersMax) return "blocked";
    return this.#deliver(watermarks, held);
  }

  /** An idle poll is one statement, which takes no lock; it looks from the bottom where that is due. */
  async #isEmpty(watermarks: Watermarks): Promise<boolean> {
    const marks = watermarks.marksOfLook();
    const { pending, timeline } = await this.#measure(marks);
    if (pending > 0 || (timeline !== null && !watermarks.belongTo(timeline))) return false;
    watermarks.foundNothing(marks);
    return true;
  }

  #measure(marks: readonly bigint[]): Promise<Pending> {
    return this.#options.db.read((em) => pendingBehind(em, marks));
  }

  /** Not by the loop: the age of what waits must go on growing when the loop is the one that is stuck. */
  #measured(): () => void {
    const { onScrape, outboxPending, outboxOldestAge } = this.#options.metrics;
    return onScrape({
      measure: async () => {
        const { pending, oldestAgeS } = await this.#measure(this.#firstLane.marksOfLook());
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

  async #deliver(watermarks: Watermarks, held: ReadonlyMap<string, number>): Promise<Look> {
    const { db, bus } = this.#options;
    const stopping = { soon: this.#soon.signal, now: this.#now.signal };
    const rehearses = this.#rehearses;
    const batch = await db.transaction((em) => runBatch(em, { bus, watermarks, held, stopping, rehearses }));
    if (batch === undefined) return "full";
    const { observation, published } = batch;
    if (published.confirmed.length > 0) this.#rehearses = false;
    watermarks.observe(observation);
    this.#tell(batch);
    // A bus that has gone away refuses everything; that says nothing of the users.
    if (published.refused.length > 0 && !this.#busIsReady()) {
      this.#tellBusFault(publishFault(this.#options.bus) ?? published.refused[0]?.reason);
      return "blocked";
    }
    this.#holdBack(batch);
    this.#confirmed += published.confirmed.length;
    if (published.confirmed.length + published.refused.length === 0) return "idle";
    if (batch.more) return "full";
    return published.confirmed.length > 0 ? "worked" : "idle";
  }

  /** Once for each reason, however often it is tried, until something is taken. */
  #tellBusFault(reason: string | undefined): void {
    if (reason === undefined || reason === this.#busFault) return;
    this.#busFault = reason;
    this.#options.log.warn({ reason }, "the bus takes no events, they wait");
  }

  #tell({ published }: Batch): void {
    const { log, metrics } = this.#options;
    if (published.confirmed.length > 0 && this.#busFault !== undefined) {
      this.#busFault = undefined;
      log.info("the bus takes events again");
    }
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
