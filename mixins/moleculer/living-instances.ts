/**
 * Promise: a call goes to an instance that answers (instances.ts), and one that certainly was not begun goes to another
 * at once: it found no queue, never left us, or came to a process that has not begun its services yet. One that has no answer of an instance which fell silent is made once more
 * elsewhere if it may be (contracts/actions.ts): a read, or a write under its idempotency key. All of it within the time
 * that the caller gave the call.
 *
 * Stands next to the transit: what counts the time (patches/moleculer-timeout.ts) and what tells the callee when the call
 * first left (lateness.ts) stand around all tries.
 */
import { type Context, Errors, type Middleware, type ServiceBroker, Strategies } from "moleculer";
import { type CallMeta, isRepeatable } from "../../services/contracts/actions.ts";
import { Unavailable } from "../../services/contracts/errors.ts";
import { PassingMap } from "../basics/passing-map.ts";
import { pause } from "../basics/pause.ts";
import type { Pass } from "../circuit-breaker.ts";
import type { Logger } from "../log/logging.ts";
import { type Instances, instanceLimits, instances } from "./instances.ts";
import { sentAgain } from "./lateness.ts";
import { Undelivered } from "./returned-calls.ts";

const lookMs = 100;
/** Another instance must have this much of the caller's time, or nothing is gained by asking it. */
const leftMsMin = 300;
/** Until a process is back that has just lost its node of RabbitMQ. */
const nobodyPauseMs = 100;
const triesMax = 20;
/** Calls wait that long for a lost connection; to come back at the next node takes half of it. */
const reconnectMs = 2_000;

type Endpoint = Parameters<Context["setEndpoint"]>[0] & { readonly id: string; readonly local: boolean };
type Sent = Parameters<typeof sentAgain>[0]["meta"];
type CallContext = Context<unknown, CallMeta & Sent> & { tried?: ReadonlySet<string> };
type Next = (ctx: CallContext) => Promise<unknown>;

interface Call {
  readonly id: number;
  readonly ctx: CallContext;
  readonly next: Next;
  readonly action: string;
  readonly service: string;
  readonly firstSentMs: number;
  readonly timeoutMs: number;
  readonly tried: Set<string>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  tries: number;
  isRepeat: boolean;
  nodeID: string;
  sentMs: number;
  pass: Pass | undefined;
}

type Told = Pick<Call, "id" | "ctx" | "next" | "action" | "service" | "resolve" | "reject">;

/** That has not left yet. */
function newCall(told: Told): Call {
  const { timeout } = told.ctx.options as { readonly timeout?: number };
  return {
    ...told,
    firstSentMs: performance.now(),
    timeoutMs: timeout || Number.POSITIVE_INFINITY,
    tried: new Set(),
    tries: 0,
    isRepeat: false,
    nodeID: "",
    sentMs: 0,
    pass: undefined,
  };
}

const serviceOf = (action: string): string => action.slice(0, action.lastIndexOf("."));

/** By name, because classes are lost on the wire. */
const unhosted = new Set(["ServiceNotFoundError", "ServiceNotAvailableError"]);

/** Its types ask for what it does not take. */
const Disconnected = Errors.BrokerDisconnectedError as unknown as new () => Error;

/** Moleculer says so before anything is sent; with a cause it is what transport-faults.ts made of a failure in between. */
const neverLeft = (error: unknown): boolean => error instanceof Disconnected && error.cause === undefined;

/** A process that is starting anew has its queue before its services; what a handler misses is another action. */
function isNotHosted(error: unknown, { action, nodeID }: Call): boolean {
  if (!(error instanceof Error) || !unhosted.has(error.name)) return false;
  const { data } = error as { readonly data?: { readonly action?: string; readonly nodeID?: string } };
  return data?.action === action && data.nodeID === nodeID;
}

/** The instance, and not what it was asked for, is at fault. */
const isInstanceFault = (error: unknown): boolean =>
  error instanceof Unavailable && error.data.dependency === "database";

export interface LivingInstances {
  readonly middleware: Middleware;
  /** Moleculer's `registry.strategy`. */
  readonly strategy: typeof Strategies.RoundRobin;
}

/** Whoever names a node wants that one. */
const isDirect = ({ ctx }: Call): boolean =>
  (ctx.options as { readonly nodeID?: string }).nodeID !== undefined;
const leftMs = (call: Call): number => call.firstSentMs + call.timeoutMs - performance.now();

/** In turn, of those that are good to ask. */
const strategyAmong = (known: Instances): typeof Strategies.RoundRobin =>
  class Living extends Strategies.RoundRobin {
    override select(list: Parameters<Strategies.RoundRobin["select"]>[0], ctx?: Context) {
      const { tried, options } = (ctx ?? {}) as CallContext;
      const patienceMs = (options as { timeout?: number } | undefined)?.timeout ?? Number.POSITIVE_INFINITY;
      // The context does not know its action before its endpoint is chosen.
      const service = serviceOf(
        (list[0] as unknown as { readonly action: { readonly name: string } }).action.name,
      );
      const untried = tried === undefined ? list : list.filter(({ id }) => !tried.has(id));
      const good = untried.filter(({ id }) => known.isGood(id, service, patienceMs, performance.now()));
      return super.select(good.length > 0 ? good : untried.length > 0 ? untried : list);
    }
  };

/** One for each broker. */
export function livingInstances(log: Logger): LivingInstances {
  let broker: ServiceBroker;
  const stopping = new AbortController();
  let connectedAtMs = Number.NEGATIVE_INFINITY;
  const waiting = new PassingMap<number, Call>();
  let lastId = 0;
  const known: Instances = instances({
    ping: (nodeID) => void broker.transit?.sendPing(nodeID),
    changed(nodeID, isSilent) {
      if (isSilent)
        log.warn({ node: nodeID }, "an instance does not answer: others are called until it does");
      else log.info({ node: nodeID }, "an instance answers again");
    },
  });

  const isConnected = (): boolean => broker.transit?.tx.connected === true;

  function send(call: Call): void {
    if (!isConnected()) {
      waitToLeave(call);
      return;
    }
    const { ctx, next, service, timeoutMs } = call;
    const nodeID = ctx.nodeID ?? "";
    const nowMs = performance.now();
    if (nowMs - call.firstSentMs > lookMs) sentAgain(ctx, nowMs - call.firstSentMs);
    const pass = known.begin(nodeID, service, timeoutMs, nowMs);
    Object.assign(call, { nodeID, pass, sentMs: nowMs, tries: call.tries + 1 });
    waiting.set(call.id, call);
    next(ctx).then(
      (result) => {
        waiting.delete(call.id);
        known.end(nodeID, service, pass, false, performance.now());
        call.resolve(result);
      },
      (error: unknown) => {
        waiting.delete(call.id);
        failed(call, error);
      },
    );
  }

  /** RabbitMQ has other nodes; when none of them takes us soon, nobody waits for it any more. */
  function waitToLeave(call: Call): void {
    const isSoon = performance.now() - connectedAtMs < reconnectMs;
    if (isSoon && !isDirect(call)) void tryAgain(call, new Disconnected());
    else call.reject(new Disconnected());
  }

  function failed(call: Call, error: unknown): void {
    const { nodeID, service, pass } = call;
    const wasNotBegun = error instanceof Undelivered || neverLeft(error) || isNotHosted(error, call);
    if (error instanceof Undelivered) known.unreachable(nodeID, performance.now());
    known.end(nodeID, service, pass, wasNotBegun || isInstanceFault(error), performance.now());
    if (!wasNotBegun || isDirect(call)) call.reject(error);
    else void tryAgain(call, error);
  }

  /** Of another instance than those that were tried; local ones have been preferred from the beginning. */
  function elsewhere({ ctx, action, tried }: Call): Endpoint | undefined {
    ctx.tried = tried;
    const list = broker.registry.getActionEndpoints(action) as unknown as
      | { next(ctx: unknown): Endpoint | null }
      | undefined;
    const endpoint = list?.next(ctx);
    return endpoint == null || endpoint.local || tried.has(endpoint.id) ? undefined : endpoint;
  }

  async function tryAgain(call: Call, error: unknown): Promise<void> {
    call.tried.add(call.nodeID);
    for (; call.tries < triesMax && leftMs(call) > leftMsMin; call.tries += 1) {
      const endpoint = isConnected() ? elsewhere(call) : undefined;
      if (endpoint !== undefined) {
        call.ctx.setEndpoint(endpoint);
        return send(call);
      }
      call.tried.clear();
      await pause(nobodyPauseMs, stopping.signal);
      if (stopping.signal.aborted) break;
    }
    call.reject(error);
  }

  /** The first one to answer is the answer: both know the call by the same id. */
  function repeat(call: Call): void {
    call.tried.add(call.nodeID);
    const endpoint = elsewhere(call);
    if (endpoint === undefined || known.isSilent(endpoint.id)) return;
    call.isRepeat = true;
    known.end(call.nodeID, call.service, call.pass, true, performance.now());
    call.ctx.setEndpoint(endpoint);
    send(call);
  }

  function look(): void {
    const nowMs = performance.now();
    if (isConnected()) {
      connectedAtMs = nowMs;
      known.look(nowMs);
    }
    for (const call of waiting.values()) {
      if (nowMs - call.sentMs < instanceLimits.suspectAfterMs) continue;
      if (nowMs - call.firstSentMs > call.timeoutMs) {
        waiting.delete(call.id);
        known.end(call.nodeID, call.service, call.pass, true, nowMs);
      } else if (!isConnected()) continue;
      else if (!known.isSilent(call.nodeID)) known.waits(call.nodeID, nowMs);
      else if (!call.isRepeat && !isDirect(call) && leftMs(call) > leftMsMin) {
        if (isRepeatable(call.action, call.ctx.meta)) repeat(call);
      }
    }
  }

  let timer: NodeJS.Timeout | undefined;
  const middleware = {
    name: "LivingInstances",
    created(created: ServiceBroker) {
      broker = created;
      timer = setInterval(look, lookMs).unref();
      const { localBus } = created as unknown as { readonly localBus: NodeJS.EventEmitter };
      localBus.on("$node.disconnected", ({ node }: { node: { id: string } }) => known.left(node.id));
    },
    stopped() {
      clearInterval(timer);
      stopping.abort();
    },
    transitMessageHandler: (next: (command: string, packet: unknown) => unknown) =>
      function heard(this: unknown, command: string, packet: { payload?: { sender?: string } }) {
        known.heard(packet.payload?.sender ?? "");
        return next.call(this, command, packet);
      },
    remoteAction: (next: Next, { name }: { name: string }) => {
      const service = serviceOf(name);
      return (ctx: CallContext) =>
        new Promise((resolve, reject) => {
          lastId += 1;
          send(newCall({ id: lastId, ctx, next, action: name, service, resolve, reject }));
        });
    },
  } as unknown as Middleware;
  return { middleware, strategy: strategyAmong(known) };
}
