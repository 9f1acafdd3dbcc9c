/**
 * Promise: while an operator wants it, calls of an action are slow or fail in the process that carries them out, so that
 * alerts, timeouts and clients can be tried on a real system. Nothing else knows of it: switched off, it is in no chain.
 *
 * A call waits and fails before its handler, so a failed one has done nothing. What was injected is forgotten with the
 * process. The middleware brings its own service, `fault`, to every process; the command of the REPL reaches all of them.
 */
import type { Context, Middleware, ServiceBroker, ServiceSchema } from "moleculer";
import { type ActionName, actions } from "../../services/contracts/actions.ts";
import { Refusal, Unavailable } from "../../services/contracts/errors.ts";
import type { Fault } from "../../services/contracts/operations.ts";
import { pause } from "../basics/pause.ts";
import type { Logger } from "../log/logging.ts";
import { actionsOf } from "./actions.ts";

const serviceName = "fault";

/** Mutable, because calls under way count themselves. */
type Injected = { -readonly [K in keyof Fault]: Fault[K] };
type Injections = Map<string, Injected>;
type Next = (ctx: Context) => unknown;

export interface FaultOptions {
  readonly log: Logger;
  /** From 0 to 1. */
  readonly random?: () => number;
}

const isAction = (action: string): action is ActionName => Object.hasOwn(actions, action);

function requireKnown(action: string): void {
  if (isAction(action)) return;
  throw new Refusal("invalid-fields", `Cannot inject a fault: there is no action ${action}`, {
    errors: [{ pointer: "#/action", detail: "is no action of this system" }],
  });
}

function faultService(injections: Injections, log: Logger): ServiceSchema {
  const here = () => [...injections.values()].map((fault) => ({ ...fault }));
  return {
    name: serviceName,
    actions: actionsOf("fault", {
      set({ params }) {
        requireKnown(params.action);
        injections.set(params.action, { ...params, delayed: 0, failed: 0 });
        log.warn({ fault: { ...params } }, "fault injected");
        return here();
      },
      clear({ params: { action } }) {
        if (action === undefined) injections.clear();
        else injections.delete(action);
        log.warn({ action: action ?? "all" }, "fault cleared");
        return here();
      },
      list: here,
    }),
  };
}

/** The Moleculer middleware of this promise; it stands next to the handlers, within the scope of the request. */
export function faultInjection(options: FaultOptions): Middleware {
  const { random = Math.random } = options;
  const log = options.log.child({ service: serviceName });
  const injections: Injections = new Map();
  const stopping = new AbortController();

  async function suffer(fault: Injected): Promise<void> {
    const delayMs = fault.delayMs + random() * fault.jitterMs;
    if (delayMs > 0) {
      fault.delayed += 1;
      await pause(delayMs, stopping.signal);
    }
    if (random() >= fault.errorRate) return;
    fault.failed += 1;
    log.warn({ action: fault.action }, "a call fails by an injected fault");
    throw new Unavailable("fault injection", "The call failed by an injected fault");
  }

  return {
    name: "FaultInjection",
    created(broker: ServiceBroker) {
      broker.createService(faultService(injections, log));
      log.warn("faults can be injected into this process (FAULT_INJECTION)");
    },
    localAction: (next: Next, { name }: { name: string }) =>
      async function call(ctx: Context) {
        const fault = injections.get(name);
        if (fault !== undefined) await suffer(fault);
        return next(ctx);
      },
    stopping: () => stopping.abort(),
  } as unknown as Middleware;
}
