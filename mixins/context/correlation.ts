/**
 * Promise: whatever runs because of a request knows that request's correlation id, without being handed it.
 *
 * The gateway takes or makes the id and puts it into `ctx.meta`; Moleculer carries meta to every service; the
 * middleware here holds it in an AsyncLocalStorage around each handler, where the logger, the outbox and calls
 * made without a parent context find it. Consumers open the same scope from the event (`withCorrelation`).
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { randomFillSync, randomUUID } from "node:crypto";
import type { Context, Middleware } from "moleculer";
import type { CallMeta } from "../../services/contracts/actions.ts";

export interface Correlation {
  readonly correlationId: string;
  readonly traceparent?: string | undefined;
  readonly actor: string;
  /** Set while an event is being handled. */
  readonly eventId?: string;
  readonly eventType?: string;
  readonly userId?: string;
}

/** Work that several requests share: it belongs to none of them alone, and who they are is asked only for a line. */
interface Shared {
  readonly idsOf: () => readonly string[];
}

const storage = new AsyncLocalStorage<Correlation | Shared>();
export const anonymous = "anonymous";
/** In one line; no piece of shared work of ours has more. */
const idsInLineMax = 256;

/** The correlation of the running request or event, if any. */
export function currentCorrelation(): Correlation | undefined {
  const current = storage.getStore();
  return current === undefined || "idsOf" in current ? undefined : current;
}

/** Runs `fn`, and everything it starts, for all of these; `idsOf` is called for each line that is really written. */
export const withCorrelations = <T>(idsOf: () => readonly string[], fn: () => T): T =>
  storage.run({ idsOf }, fn);

/** The members of a log line: the correlation, or of shared work the `correlationIds`, each once. */
export function correlationMembers(): object {
  const current = storage.getStore();
  if (current === undefined || !("idsOf" in current)) return { ...current };
  const [first, ...others] = new Set(current.idsOf());
  if (others.length === 0) return first === undefined ? {} : { correlationId: first };
  return { correlationIds: [first, ...others].slice(0, idsInLineMax) };
}

/** Runs `fn`, and everything it starts, under this correlation. */
export const withCorrelation = <T>(correlation: Correlation, fn: () => T): T => storage.run(correlation, fn);

/** 1–128 visible ASCII characters; anything else is replaced by the caller. */
export const isCorrelationId = (text: unknown): text is string =>
  typeof text === "string" && /^[\x21-\x7e]{1,128}$/.test(text);

/** The same alphabet; a header sent twice arrives joined by ", " and so is refused. */
export const isActor = (text: unknown): text is string => isCorrelationId(text);

export const newCorrelationId = (): string => randomUUID();

/** Random bytes are drawn for many ids at once: a call of the system's generator each cost 2 % of a request. */
const entropy = Buffer.alloc(4_096);
let drawnUpTo = entropy.length;

function randomHex(bytes: number): string {
  if (drawnUpTo + bytes > entropy.length) {
    randomFillSync(entropy);
    drawnUpTo = 0;
  }
  drawnUpTo += bytes;
  return entropy.toString("hex", drawnUpTo - bytes, drawnUpTo);
}

/** Of a version after 00 the fields of 00 are read, whatever follows them (W3C Trace Context, "Versioning of traceparent"). */
const traceparentPattern =
  /^(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const sampled = 1;

/** The header as one of version 00 with the one flag that we know; undefined when it is invalid. */
export function validTraceparent(header: unknown): string | undefined {
  const match = typeof header === "string" ? traceparentPattern.exec(header) : null;
  if (match === null || (match[1] === "00" && match[5] !== undefined)) return undefined;
  const flags = Number.parseInt(match[4] ?? "", 16) & sampled;
  return `00-${match[2]}-${match[3]}-0${flags}`;
}

/** W3C Trace Context: the caller's trace id goes on under a new span id; an invalid one is replaced. */
export function continueTrace(traceparent: string | undefined): string {
  const [, traceId, , flags] = traceparent?.split("-") ?? [];
  return `00-${traceId ?? randomHex(16)}-${randomHex(8)}-${flags ?? "01"}`;
}

/** Who asks, and under which id, when a call tells one of them or none. */
export const askerOf = ({ actor = anonymous, correlationId = newCorrelationId() }: CallMeta) => ({
  actor,
  correlationId,
});

/** The very scope that is open already, where it says the same. */
function correlationOf(meta: CallMeta): Correlation {
  const outer = currentCorrelation();
  const isSame = meta.correlationId === undefined || meta.correlationId === outer?.correlationId;
  if (outer !== undefined && isSame && outer.traceparent !== undefined && meta.actor === outer.actor)
    return outer;
  return {
    correlationId: meta.correlationId ?? outer?.correlationId ?? newCorrelationId(),
    // Moleculer merges a callee's meta into its caller's, so of one request the scope knows better which span is open.
    traceparent: (isSame ? outer?.traceparent : undefined) ?? meta.traceparent ?? outer?.traceparent,
    actor: meta.actor ?? outer?.actor ?? anonymous,
  };
}

type Next = (ctx: Context<unknown, CallMeta>) => unknown;
type Receive = (command: string, packet?: { payload?: { meta?: CallMeta } }) => unknown;

/** The Moleculer middleware of this promise. */
export function callCorrelation(): Middleware {
  const scoped = (next: Next) => (ctx: Context<unknown, CallMeta>) => {
    const correlation = correlationOf(ctx.meta);
    ctx.meta.correlationId = correlation.correlationId;
    return correlation === storage.getStore() ? next(ctx) : storage.run(correlation, () => next(ctx));
  };
  return {
    name: "Correlation",
    localAction: (next: Next) => scoped(next),
    // A call made without a parent context has an empty meta: in this process the storage helps, on the wire nothing would.
    remoteAction: (next: Next) => (ctx: Context<unknown, CallMeta>) => {
      Object.assign(ctx.meta, correlationOf(ctx.meta));
      return next(ctx);
    },
    localEvent: (next: Next) => scoped(next),
    // What Moleculer itself logs of a packet, before a handler has it, is a line of the request too.
    transitMessageHandler: (next: Receive) =>
      function received(this: unknown, command: string, packet?: Parameters<Receive>[1]) {
        const meta = packet?.payload?.meta;
        const receive = () => next.call(this, command, packet);
        return meta?.correlationId === undefined ? receive() : storage.run(correlationOf(meta), receive);
      },
  } as unknown as Middleware;
}
