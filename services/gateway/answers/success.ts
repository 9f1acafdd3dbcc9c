/** The answer of an action as HTTP: status and headers of the row, ETag, Location, the link to the next page. */
import type { ServerResponse } from "node:http";
import * as z from "zod";
import type { ScimAnswer } from "../../contracts/scim.ts";
import { answerWith, type Exchange, type Gate, type WebRequest } from "../http/exchange.ts";
import type { Operation } from "../routes/operation.ts";
import { presentScim } from "./scim.ts";
import { sendStream } from "./stream.ts";

/** Whether the answer is one page of a list, and says where the next one is. */
export const isPaged = ({ answer }: Operation): boolean =>
  answer?.schema instanceof z.ZodObject && "nextCursor" in answer.schema.shape;

/** Whether If-None-Match names the tag; weak comparison (RFC 9110 §13.1.2). */
function isUnmodified(req: WebRequest, tag: string): boolean {
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

function present(req: WebRequest, res: ServerResponse, operation: Operation, data: unknown): void {
  let status: number = operation.status;
  const headers: string[] = [];
  if (operation.statusElse !== undefined && !(data as { created: boolean }).created)
    status = operation.statusElse;
  if (operation.write && req.$ctx.meta.idempotentReplayed) headers.push("Idempotent-Replayed", "true");
  if (operation.location !== undefined)
    headers.push("Location", `${operation.location}/${(data as { id: string }).id}`);
  if (operation.tagged) {
    const { version } = data as { version: number | string };
    const tag = `"${version}"`;
    headers.push("ETag", tag);
    if (isUnmodified(req, tag)) status = 304;
  }
  if (operation.streams !== undefined) headers.push("Vary", "Accept");
  if (isPaged(operation)) {
    const { nextCursor } = data as { nextCursor?: string | null };
    if (typeof nextCursor === "string") headers.push("Link", linkToNext(req.exchange, nextCursor));
  }
  const content = status === 204 || status === 304 ? undefined : JSON.stringify(data);
  answerWith(req, res, { status, headers, content });
}

/** moleculer-web's own would set header by header, a quarter of a read, and answer a POST with 304 (ADR 0027). */
export const sendResponse =
  (gate: Gate) =>
  (req: WebRequest, res: ServerResponse, data: unknown): void => {
    const { operation } = req.exchange;
    if (operation === undefined) throw new Error("Cannot answer: the request has no row");
    const { outages, throttles } = gate;
    if ("action" in operation.target) {
      if (outages.open.size > 0) outages.clear(operation.target.action);
      throttles.ended(operation.target.action, false, performance.now());
    }
    if (operation.protocol === "scim")
      presentScim(req, res, operation, data as ScimAnswer | null, isUnmodified);
    else if (req.exchange.stream === undefined) present(req, res, operation, data);
    else sendStream(gate, req, res, data);
  };
