/**
 * Promise: a call that its caller has given up on is not begun, and a handler can know how much of the caller's
 * patience was spent on the way.
 *
 * Requests wait in RabbitMQ's queues while their node is cut off, and in the socket while it is frozen; without this a
 * write that was answered 503 would be carried out minutes later. Moleculer tells the callee no deadline, and wall
 * clocks of two machines differ. So each call carries the sender's monotonic time, and the callee takes the smallest
 * difference it has lately seen from that sender for "no delay": what exceeds it is lateness. The first call of a
 * sender has no such measure and counts as punctual; transporter messages expire as well (moleculer.config.ts).
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Context, Middleware, ServiceBroker } from "moleculer";
import { Unavailable } from "../../services/contracts/errors.ts";

/** A call that was longer on its way is refused; whoever sent it waits 1.8 s at most (gateway). */
const latenessMsMax = 1_000;
/** Long enough to hold a punctual call, short enough for clocks that drift apart by 100 ppm. */
const windowMs = 60_000;
const sendersMax = 1_000;

interface Sent {
  /** The sending broker's start; a restarted one has another clock. */
  readonly by: string;
  readonly atMs: number;
  /** Of the caller's patience, on instances that were called before. */
  readonly spentMs?: number;
}

interface Measure {
  windowStartMs: number;
  current: number;
  previous: number;
}

const storage = new AsyncLocalStorage<number>();

/** The same call leaves once more, for another instance. */
export function sentAgain({ meta }: { readonly meta: { sent?: Sent } }, spentMs: number): void {
  if (meta.sent !== undefined) meta.sent = { ...meta.sent, atMs: performance.now(), spentMs };
}

/** How long the call that is being handled was on its way beyond the usual, elsewhere too; 0 outside of a remote call. */
export const currentLatenessMs = (): number => storage.getStore() ?? 0;

/** Tells each call's lateness from the differences between two monotonic clocks. */
export function latenessGauge(): (sent: Sent, nowMs: number) => number {
  const senders = new Map<string, Measure>();
  return ({ by, atMs }, nowMs) => {
    const difference = nowMs - atMs;
    const known = senders.get(by);
    if (known === undefined) {
      if (senders.size >= sendersMax) senders.clear();
      senders.set(by, { windowStartMs: nowMs, current: difference, previous: difference });
      return 0;
    }
    const lateness = Math.max(0, difference - Math.min(known.current, known.previous));
    if (nowMs - known.windowStartMs > windowMs) {
      known.previous = known.current;
      known.current = difference;
      known.windowStartMs = nowMs;
    } else known.current = Math.min(known.current, difference);
    return lateness;
  };
}

type Call = Context<unknown, { sent?: Sent }>;
type Next = (ctx: Call) => unknown;

/** The Moleculer middleware of this promise. */
export function callLateness(): Middleware {
  const latenessOf = latenessGauge();
  let broker: ServiceBroker | undefined;
  return {
    name: "Lateness",
    created(created: ServiceBroker) {
      broker = created;
    },
    remoteAction: (next: Next) => (ctx: Call) => {
      ctx.meta.sent = { by: broker?.instanceID ?? "", atMs: performance.now() };
      return next(ctx);
    },
    localAction: (next: Next) => (ctx: Call) => {
      const sent = ctx.nodeID === broker?.nodeID ? undefined : ctx.meta.sent;
      if (sent === undefined) return next(ctx);
      const latenessMs = latenessOf(sent, performance.now());
      if (latenessMs > latenessMsMax)
        return Promise.reject(new Unavailable("transport", "The call came after its caller had given up"));
      return storage.run(latenessMs + (sent.spentMs ?? 0), () => next(ctx));
    },
  } as unknown as Middleware;
}
