/**
 * Promise: what is asked for while the same work is under way goes on together with whatever else waits by then; each
 * asker gets its own outcome. Nobody waits for a timer: with nothing under way an item starts at once and alone, so
 * latency at low load is what it would be without (`endOfTurn`: together with whoever asks in the same turn).
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
  /** Pieces of work at the same time. */
  readonly lanesMax: number;
  /** Waits for whoever else asks in this turn of the event loop; for work that is short beside what it costs to begin it. */
  readonly endOfTurn?: boolean;
}

export type Outcome<R> = { readonly value: R } | { readonly error: unknown };

interface Waiting<T, R> {
  readonly item: T;
  readonly correlation: Correlation | undefined;
  readonly settle: (outcome: Outcome<R>) => void;
}

/** `work` answers one outcome for each item, in order; when it rejects, each of its items does. */
export function coalescing<T, R>(
  work: (items: readonly T[]) => Promise<readonly Outcome<R>[]>,
  { itemsMax, lanesMax, endOfTurn = false }: CoalescingLimits,
): (item: T) => Promise<R> {
  const outside = AsyncLocalStorage.snapshot();
  let waiting: Waiting<T, R>[] = [];
  let lanes = 0;

  async function attempted(items: readonly T[]): Promise<readonly Outcome<R>[]> {
    try {
      return await work(items);
    } catch (error) {
      return items.map(() => ({ error }));
    }
  }

  async function lane(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, itemsMax);
      waiting = waiting.slice(itemsMax);
      const run = () => attempted(batch.map(({ item }) => item));
      const alone = batch.length === 1 ? batch[0]?.correlation : undefined;
      const idsOf = () => batch.flatMap(({ correlation }) => correlation?.correlationId ?? []);
      const outcomes = await (alone === undefined
        ? withCorrelations(idsOf, run)
        : withCorrelation(alone, run));
      for (const [index, { settle }] of batch.entries())
        settle(outcomes[index] ?? { error: new Error("Cannot tell the outcome: the work gave none") });
    }
    lanes -= 1;
  }

  return (item) =>
    new Promise<R>((resolve, reject) => {
      const settle = (outcome: Outcome<R>): void =>
        "error" in outcome ? reject(outcome.error) : resolve(outcome.value);
      waiting.push({ item, correlation: currentCorrelation(), settle });
      if (lanes >= lanesMax) return;
      lanes += 1;
      if (endOfTurn) outside(setImmediate, lane);
      else void outside(lane);
    });
}
