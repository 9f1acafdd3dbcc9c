/**
 * What a request that a browser signs with its cookie must show: that the console itself sent it. Sec-Fetch-Site can be set
 * by no page, and older browsers send Origin; the header of our own takes a preflight from any other site, which gets no
 * answer. More than what is asked of every request (mixins/http/host-guard.ts), where neither may stand.
 */
import type { IncomingMessage } from "node:http";
import { consoleHeader } from "../../contracts/session.ts";
import { HttpProblem } from "../problems/problems.ts";

const isSafe = (method: string | undefined): boolean => method === "GET" || method === "HEAD";

/** Throws a problem; `origin` is ours, as the browser calls it. */
export function requireOwnPage({ method, headers }: IncomingMessage, origin: string): void {
  if (isSafe(method)) return;
  const site = headers["sec-fetch-site"];
  const isOwn = site === undefined ? headers.origin === origin : site === "same-origin";
  if (isOwn && headers[consoleHeader] !== undefined) return;
  throw new HttpProblem(
    "foreign-site",
    "What a session of a browser changes must be asked by the console itself (Sec-Fetch-Site or Origin, and X-Mailroster-Console)",
  );
}
