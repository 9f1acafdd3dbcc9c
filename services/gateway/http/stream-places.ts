/** How many lists are told as a whole at a time, and what such a request may not say. */
import type { ServerResponse } from "node:http";
import { pageSizeMax } from "../../contracts/paging.ts";
import { HttpProblem, invalidParameter, retryAfter } from "../problems/problems.ts";
import type { Gate, WebRequest } from "./exchange.ts";
import { tooManyRequests } from "./quota.ts";

const nobody = "anonymous";

/** Takes a place until the answer is over, however that comes; its pages are as long as they may be. Throws a problem. */
export function enterStream({ streams, limits }: Gate, req: WebRequest, res: ServerResponse): void {
  const { exchange, $ctx } = req;
  for (const name of ["limit", "cursor"])
    if (Object.hasOwn(exchange.queryParams, name))
      throw invalidParameter(name, "is of pages: a stream has all of them (ask for application/json)");
  exchange.queryParams = { ...exchange.queryParams, limit: String(pageSizeMax) };
  if (streams.total >= limits.streamsMax)
    throw new HttpProblem("unavailable", "Cannot stream: the gateway has too many streams under way", {
      headers: retryAfter(),
    });
  const leave = streams.enter($ctx.meta.user?.id ?? nobody, limits.streamsPerCallerMax);
  if (leave === undefined) throw tooManyRequests("This caller has too many streams at once", 1_000);
  res.once("close", leave);
}
