/** Waiting until nothing is on its way any more. */
import { poll } from "../../mixins/basics/poll.ts";
import { type Lag, measureLag, queuedMessages, type Stores } from "./facts.ts";

const pollMs = 300;

/** Whoever is ahead, after a database went back, waits for nothing: what that means is for the comparison to say. */
const isApplied = (lag: Lag | string): boolean =>
  typeof lag !== "string" && lag.outbox === 0 && lag.audit <= 0 && lag.registry <= 0;

/** Everything committed has been applied, and the outbox is empty. */
async function applied(cluster: Stores, timeoutMs: number): Promise<void> {
  const lag = await poll(() => measureLag(cluster).catch((error: Error) => error.message), isApplied, {
    everyMs: pollMs,
    maxMs: timeoutMs,
  });
  if (!isApplied(lag)) throw new Error(`Not everything was applied: ${JSON.stringify(lag)}`);
}

/** Rejects with what is left after `timeoutMs`. */
export async function drained(cluster: Stores, timeoutMs: number): Promise<void> {
  await applied(cluster, timeoutMs);
  const isEmpty = (queued: object): boolean => Object.keys(queued).length === 0;
  const pace = { everyMs: pollMs, maxMs: timeoutMs };
  const queued = await poll(() => queuedMessages(cluster), isEmpty, pace);
  if (!isEmpty(queued)) throw new Error(`Not everything was read: ${JSON.stringify(queued)}`);
}
