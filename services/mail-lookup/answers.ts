/**
 * Promise: every request is answered, counted and timed; whatever can't be known is TEMP. What is logged of one that failed
 * is one line a second at most, with the id that the mail server's log shows, and the key only with LOG_PII.
 */

import { newCorrelationId } from "../../mixins/context/correlation.ts";
import type { Platform } from "../../mixins/platform.ts";
import type { Answer } from "../../mixins/socketmap/conversation.ts";
import type { Lookup } from "./lookup.ts";
import {
  domainReplyOf,
  isMapName,
  type MapName,
  mapNames,
  type Reply,
  type ReplyRules,
  replyOf,
} from "./maps.ts";

export interface AnswersOptions extends Pick<Platform, "log" | "metrics"> {
  readonly lookup: Lookup;
  readonly rules: ReplyRules;
  readonly logPii: boolean;
}

const results = { OK: "ok", NOTFOUND: "notfound", TEMP: "temp", PERM: "perm" } as const;
type Result = (typeof results)[keyof typeof results];
const otherMap = "other";

const resultOf = (reply: Reply): Result =>
  results[reply.slice(0, reply.indexOf(" ")) as keyof typeof results];

/** An outage is thousands of them a second. */
const lineEveryMs = 1_000;

export function mailAnswers({ lookup, rules, metrics, log, logPii }: AnswersOptions): Answer {
  const labels = [...mapNames, otherMap];
  const counters = new Map(
    labels.map((map) => [
      map as string,
      Object.fromEntries(
        Object.values(results).map((result) => [result, metrics.mailLookups.labels(map, result)]),
      ),
    ]),
  );
  const timers = new Map(labels.map((map) => [map as string, metrics.mailLookupDuration.labels(map)]));
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let untold = 0;

  async function replyTo(map: MapName, key: string): Promise<Reply> {
    if (map === "domains") return domainReplyOf(key, await lookup.domain(key));
    return replyOf(map, await lookup.recipient(key), rules);
  }

  /** The reply with an id by which its line is found. */
  function told(map: string, key: string, reply: Reply): string {
    const correlationId = newCorrelationId();
    const now = performance.now();
    if (now - toldAtMs >= lineEveryMs) {
      const members = {
        correlationId,
        map,
        reason: reply,
        ...(untold > 0 && { untold }),
        ...(logPii && { key }),
      };
      log.warn(members, "A mail server was told to try again later");
      toldAtMs = now;
      untold = 0;
    } else untold += 1;
    return `${reply} (${correlationId})`;
  }

  async function answer(request: string | undefined): Promise<{ map: string; key: string; reply: Reply }> {
    // Longer than any address.
    if (request === undefined) return { map: otherMap, key: "", reply: "NOTFOUND " };
    const space = request.indexOf(" ");
    const [name, key] = [request.slice(0, space), request.slice(space + 1)];
    if (space < 0) return { map: otherMap, key: "", reply: "PERM a request is a map, a space and a key" };
    if (!isMapName(name))
      return { map: otherMap, key, reply: `PERM there are the maps ${mapNames.join(", ")}` };
    return { map: name, key, reply: await replyTo(name, key) };
  }

  return async (request) => {
    const startedAt = performance.now();
    const { map, key, reply } = await answer(request).catch((error) => {
      log.error({ err: error }, "Cannot answer a mail server");
      return { map: otherMap, key: "", reply: "TEMP the look-up has failed" as const };
    });
    const result = resultOf(reply);
    counters.get(map)?.[result]?.inc();
    timers.get(map)?.observe((performance.now() - startedAt) / 1000);
    return result === "temp" ? told(map, key, reply) : reply;
  };
}
