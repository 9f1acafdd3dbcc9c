/** The answer of an action as HTTP: status and headers of the row, ETag, Location, the link to the next page. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { isPaged } from "../routes/operation.ts";
import { answerWith, type Exchange, exchangeOf } from "./exchange.ts";

/** Whether If-None-Match names the tag; weak comparison (RFC 9110 §13.1.2). */
function isKnown(req: IncomingMessage, tag: string): boolean {
  const header = req.headers["if-none-match"];
  if (header === undefined || (req.method !== "GET" && req.method !== "HEAD")) return false;
  return header.trim() === "*" || header.split(",").some((part) => part.trim().replace(/^W\//, "") === tag);
}

/** The next page of a list (RFC 8288): the same request with the cursor of that page, as a path, as `Location` is. */
function linkToNext({ path, query }: Exchange, nextCursor: string): string {
  const parameters = new URLSearchParams(query);
  parameters.set("cursor", nextCursor);
  return `<${path.replaceAll(/[<>"]/g, encodeURIComponent)}?${parameters}>; rel="next"`;
}

/** `replayed`: the answer is the first one's, kept under the request's idempotency key. */
export function present(req: IncomingMessage, res: ServerResponse, data: unknown, replayed: boolean): void {
  const exchange = exchangeOf(req);
  const { operation } = exchange;
  if (operation === undefined) throw new Error("Cannot answer: the request has no row");
  let status: number = operation.status;
  const headers: string[] = [];
  if (operation.write && replayed) headers.push("Idempotent-Replayed", "true");
  if (operation.tagged) {
    const { id, version } = data as { id: string; version: number };
    const tag = `"${version}"`;
    headers.push("ETag", tag);
    if (status === 201) headers.push("Location", `/users/${id}`);
    if (isKnown(req, tag)) status = 304;
  }
  if (isPaged(operation)) {
    const { nextCursor } = data as { nextCursor?: string | null };
    if (typeof nextCursor === "string") headers.push("Link", linkToNext(exchange, nextCursor));
  }
  const content = status === 204 || status === 304 ? undefined : JSON.stringify(data);
  answerWith(req, res, { status, headers, content });
}
