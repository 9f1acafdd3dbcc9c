/**
 * A list as a whole, page by page from its action, as fast as it is read.
 *
 * Promise: each page is a moment of its own and is asked for once the one before has been taken, so that no transaction
 * and no more than a page waits for a reader. What is read is on record before the first line. When something fails after
 * that, or the reader keeps us waiting too long in all, the connection is cut: an answer with its end is complete.
 */
import type { ServerResponse } from "node:http";
import type { Activity } from "../../../mixins/activity-log.ts";
import { retry } from "../../../mixins/basics/retry.ts";
import { withCorrelation } from "../../../mixins/context/correlation.ts";
import { callAction } from "../../../mixins/moleculer/calls.ts";
import { beginAnswer, type Gate, type WebRequest } from "../http/exchange.ts";
import { bytesPerSecondMin } from "../http/limits.ts";
import { HttpProblem, problemFor } from "../problems/problems.ts";
import type { Operation, StreamFormat } from "../routes/operation.ts";
import { answerError } from "./failure.ts";

interface Page {
  readonly items: readonly unknown[];
  readonly nextCursor: string | null;
}

/** A page that can't be had at the moment is asked for again so often, and no stream is cut for a busy second. */
const patience = { attemptsMax: 5, minMs: 100, maxMs: 2_000 };

const isOutage = (error: unknown): boolean => problemFor(error, (fault) => fault).status === 503;

/** Which parameters narrow it, without what they say: that may be somebody's address. */
function entryOf(req: WebRequest, { mediaType }: StreamFormat, { streams }: Operation): Activity {
  const { queryParams, correlation } = req.exchange;
  const { user } = req.$ctx.meta;
  const narrowed = Object.keys(queryParams).filter((name) => name !== "limit");
  const { q } = queryParams;
  return {
    principal: correlation.actor,
    credential: user?.credential ?? null,
    action: "directory.export",
    scope: streams?.scope ?? null,
    target: q === undefined ? null : { kind: "search", id: q },
    allowed: true,
    reason: `users as ${mediaType}${narrowed.length === 0 ? "" : `, by ${narrowed.join(", ")}`}`,
    correlationId: correlation.correlationId,
  };
}

/** Writes to the reader and waits for it; rejects when it has kept us waiting too long in all. */
function paced(res: ServerResponse, graceMs: number): (text: string) => Promise<void> {
  let bytes = 0;
  let waitedMs = 0;
  return async (text) => {
    if (text === "" || res.write(text)) {
      bytes += Buffer.byteLength(text);
      return;
    }
    const startedAtMs = performance.now();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leftMs = graceMs + (bytes / bytesPerSecondMin) * 1_000 - waitedMs;
    const timer = setTimeout(
      () => reject(new HttpProblem("request-timeout", "The stream was not taken in time")),
      Math.max(0, leftMs),
    );
    const go = (): void => resolve();
    res.once("drain", go).once("close", go);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      res.off("drain", go).off("close", go);
    }
    waitedMs += performance.now() - startedAtMs;
    bytes += Buffer.byteLength(text);
  };
}

/** The pages after the first one. Rejects as the action does, or when the reader has gone. */
async function* pagesFrom(
  gate: Gate,
  req: WebRequest,
  first: Page,
  signal: AbortSignal,
): AsyncGenerator<Page> {
  const { operation, correlation } = req.exchange;
  const { broker, meta } = req.$ctx;
  if (operation === undefined || !("action" in operation.target)) return;
  const { action } = operation.target;
  const options = { meta: { ...meta }, timeout: gate.limits.callTimeoutMs };
  const fetched = (cursor: string): Promise<Page> => {
    const params = { ...(req.$params as object), cursor };
    const ask = () => callAction(broker, action, params as never, options) as Promise<unknown>;
    return withCorrelation(correlation, ask) as Promise<Page>;
  };
  let page = first;
  yield page;
  while (page.nextCursor !== null) {
    const cursor = page.nextCursor;
    page = await retry(() => fetched(cursor), { ...patience, signal, mayPass: isOutage });
    yield page;
  }
}

async function tell(gate: Gate, req: WebRequest, res: ServerResponse, first: Page): Promise<void> {
  const { operation, stream: format, queryParams } = req.exchange;
  if (operation === undefined || format === undefined) throw new Error("Cannot stream: no form is asked for");
  const { user } = req.$ctx.meta;
  const isHead = req.method === "HEAD";
  if (!isHead && user && user.via !== "none") await gate.record(entryOf(req, format, operation));
  if (res.destroyed) return;
  beginAnswer(req, res, ["Vary", "Accept", "Content-Type", format.contentType]);
  if (isHead) {
    res.end();
    return;
  }
  const gone = new AbortController();
  res.once("close", () => gone.abort());
  const { head, line } = format.writer(queryParams);
  const write = paced(res, gate.limits.streamGraceMs);
  await write(head);
  for await (const { items } of pagesFrom(gate, req, first, gone.signal)) {
    await write(items.map(line).join(""));
    if (gone.signal.aborted) return;
  }
  res.end();
}

/** Whoever hangs up is no failure. */
export function sendStream(gate: Gate, req: WebRequest, res: ServerResponse, first: unknown): void {
  tell(gate, req, res, first as Page).catch((error: unknown) => {
    if (!res.destroyed) answerError(gate)(req, res, error);
  });
}
