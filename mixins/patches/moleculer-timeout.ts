/**
 * Promise: a remote call that is not answered in time is forgotten, by its caller and by the transit alike.
 *
 * Moleculer's timeout rejects the caller's promise but keeps the request, for ever when its answer was lost: that is
 * memory, and a stop that waits 10 s for calls under way (`tracking`) although nobody waits for them. This middleware
 * stands inside of the tracker, so what it rejects is no longer tracked.
 */
import { type Context, Errors, type Middleware, type ServiceBroker } from "moleculer";

type Next = (ctx: Context) => Promise<unknown>;
interface Transit {
  removePendingRequest(id: string): void;
}

export function forgetUnanswered(): Middleware {
  let broker: ServiceBroker | undefined;
  return {
    name: "ForgetUnanswered",
    created(created: ServiceBroker) {
      broker = created;
    },
    remoteAction: (next: Next, action: { name: string }) => (ctx: Context) => {
      const { timeout } = ctx.options as { timeout?: number };
      if (!timeout) return next(ctx);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          (broker?.transit as unknown as Transit | undefined)?.removePendingRequest(ctx.id);
          reject(new Errors.RequestTimeoutError({ action: action.name, nodeID: ctx.nodeID ?? "" }));
        }, timeout);
        next(ctx)
          .then(resolve, reject)
          .finally(() => clearTimeout(timer));
      });
    },
  } as unknown as Middleware;
}
