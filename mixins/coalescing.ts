/**
 * Promise: what is asked for while the same work is under way goes on together with whatever else waits by then; each
 * asker gets its own outcome. Nobody waits for a timer: with nothing under way an item starts at once and alone, so
 * latency at low load is what it would be without (`endOfTurn`: together with whoever asks in the same turn).
 *
 * One piece of work runs at a time. One that hangs holds only those who share it: after `hangsMs` the others are begun
 * beside it, by `piecesMax` at the most. So pieces may overtake each other, as those of two processes do; an item
 * always begins after it was asked for.
 *
 * The work runs outside of every asker's scope (correlation, transaction): it belongs to none of them. Its lines carry
 * the correlation ids of all of them; what is done for one alone is done under its correlation.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import {
  type Correlation,
  currentCorrelation,
  withCorrelation,
  withCorrelations,
} from "./context/correlation.ts";

export interface CoalescingLimits {
  /** In one piece of work. */
  readonly itemsMax: number;
  /** Waits for whoever else asks in this turn of the event loop; for work that is short beside what it costs to begin it. */
  readonly endOfTurn?: boolean;
}

export type Outcome<R> = { readonly value: R } | { readonly error: unknown };

interface Waiting<T, R> {
  readonly item: T;
  readonly correlation: Correlation | undefined;
  readonly settle: (outcome: Outcome<R>) => void;
}

/** Far more than what is shared takes under load; nobody waits longer behind work that hangs. */
const hangsMs = 100;
/** With those that hang: each may hold a connection, and the pool has to have some left for everything else. */
const piecesMax = 4;

/** `work` answers one outcome for each item, in order; when it rejects, each of its items does. */
export function coalescer<T, R>(
  work: (items: readonly T[]) => Promise<readonly Outcome<R>[]>,
  { itemsMax, endOfTurn = false }: CoalescingLimits,
): (item: T) => Promise<R> {
  const outside = AsyncLocalStorage.snapshot();
  let waiting: Waiting<T, R>[] = [];
  /** Whether a piece runs, or is about to, that may soon be done. */
  let busy = false;
  let hanging = 0;

  async function attempted(items: readonly T[]): Promise<readonly Outcome<R>[]> {
    try {
      return await work(items);
    } catch (error) {
      return items.map(() => ({ error }));
    }
  }

  function carryOut(batch: readonly Waiting<T, R>[]): Promise<readonly Outcome<R>[]> {
    const run = () => attempted(batch.map(({ item }) => item));
    const alone = batch.length === 1 ? batch[0]?.correlation : undefined;
    const idsOf = () => batch.flatMap(({ correlation }) => correlation?.correlationId ?? []);
    return alone === undefined ? withCorrelations(idsOf, run) : withCorrelation(alone, run);
  }

  async function piece(): Promise<void> {
    const batch = waiting.slice(0, itemsMax);
    waiting = waiting.slice(itemsMax);
    let hangs = false;
    const timer = setTimeout(() => {
      hangs = true;
      hanging += 1;
      busy = false;
      goOn();
    }, hangsMs);
    const outcomes = await carryOut(batch);
    clearTimeout(timer);
    for (const [index, { settle }] of batch.entries())
      settle(outcomes[index] ?? { error: new Error("Cannot tell the outcome: the work gave none") });
    if (hangs) hanging -= 1;
    else busy = false;
    goOn();
  }

  function goOn(atEndOfTurn = false): void {
    if (busy || waiting.length === 0 || hanging >= piecesMax) return;
    busy = true;
    if (atEndOfTurn) setImmediate(() => void piece());
    else void piece();
  }

  return (item) =>
    new Promise<R>((resolve, reject) => {
      const settle = (outcome: Outcome<R>): void =>
        "error" in outcome ? reject(outcome.error) : resolve(outcome.value);
      waiting.push({ item, correlation: currentCorrelation(), settle });
      if (!busy) outside(goOn, endOfTurn);
    });
}
