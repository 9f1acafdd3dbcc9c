/**
 * Promise: the reconciler hears each side through narrow reads of its owner, a page at a time, and one call that fails
 * does not end a pass over the whole directory.
 */
import type { ServiceBroker } from "moleculer";
import { retry } from "../../mixins/basics/retry.ts";
import { callAction } from "../../mixins/moleculer/calls.ts";
import type { ActionInput, ActionName, ActionResult } from "../contracts/actions.ts";

const callTimeoutMs = 10_000;
const attemptsMax = 4;
const retryDelayMinMs = 500;
const retryDelayMaxMs = 4_000;

export type Ask = <N extends ActionName>(name: N, params: ActionInput<N>) => Promise<ActionResult<N>>;

/** Asks again a few times, then rejects with the last error. For reads only. */
export const patientAsk =
  (broker: Pick<ServiceBroker, "call">, stopping: AbortSignal): Ask =>
  (name, params) =>
    retry(() => callAction(broker, name, params, { timeout: callTimeoutMs }), {
      attemptsMax,
      minMs: retryDelayMinMs,
      maxMs: retryDelayMaxMs,
      signal: stopping,
    });

/** Rows in the order of user ids, of which at most one page is held. */
export interface Stream<Row> {
  /** undefined at the end. */
  peek(): Promise<Row | undefined>;
  /** The row of this user if it is the next one, which it passes. */
  take(userId: string): Promise<Row | undefined>;
}

export function streamOf<Row extends { readonly userId: string }>(
  pageSize: number,
  fetchPage: (after: string | null) => Promise<readonly Row[]>,
): Stream<Row> {
  let rows: readonly Row[] = [];
  let next = 0;
  let after: string | null = null;
  let ended = false;
  const peek = async (): Promise<Row | undefined> => {
    if (next >= rows.length && !ended) {
      rows = await fetchPage(after);
      next = 0;
      ended = rows.length < pageSize;
      after = rows.at(-1)?.userId ?? after;
    }
    return rows[next];
  };
  return {
    peek,
    async take(userId) {
      const row = await peek();
      if (row?.userId !== userId) return undefined;
      next += 1;
      return row;
    },
  };
}
