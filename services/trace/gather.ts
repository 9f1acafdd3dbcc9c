/**
 * Promise: whoever can be asked is, in parallel and within a bound; whoever can't is named, and the rest is told.
 *
 * In three rounds, against the order of an event's way, so that what is read later can only be further on: a change
 * that arrives meanwhile never looks like a registry that is ahead of users.
 */
import type { ServiceBroker } from "moleculer";
import { callAction } from "../../mixins/platform.ts";
import type { ActionInput, ActionName, ActionResult } from "../contracts/actions.ts";
import { type Trace, traceWritesMax } from "../contracts/trace.ts";
import { eventsOf, type Facts } from "./facts.ts";

/** Three of them fit into the time that the gateway gives a request. */
const askTimeoutMs = 500;

/** The owners, in the order in which a request comes to them. */
const onItsWay = ["users", "outbox", "smtp-registry", "audit", "dead-letters"] as const;

type Ask = <N extends ActionName>(name: N, params: ActionInput<N>) => Promise<ActionResult<N> | undefined>;

function asking(broker: Pick<ServiceBroker, "call">, unseen: Map<string, string>): Ask {
  return async (name, params) => {
    try {
      return await callAction(broker, name, params, { timeout: askTimeoutMs });
    } catch (error) {
      const [service = name] = name.split(".");
      const late = (error as Error).name === "RequestTimeoutError";
      unseen.set(service, late ? `does not answer within ${askTimeoutMs} ms` : "can't be asked");
      return undefined;
    }
  };
}

/** Never rejects. */
export async function gather(broker: Pick<ServiceBroker, "call">, correlationId: string): Promise<Facts> {
  const away = new Map<string, string>();
  const ask = asking(broker, away);
  const askEntries = () => ask("audit.list", { correlationId, limit: traceWritesMax + 1 });
  const [outbox, requests, letters, page] = await Promise.all([
    ask("outbox.trace", { correlationId }),
    ask("users.trace", { correlationId }),
    ask("dead-letters.trace", { correlationId }),
    askEntries(),
  ]);
  const early = page?.items;
  const events = eventsOf({ outbox, entries: early });
  const eventIds = events.map(({ eventId }) => eventId);
  const userIds = [...new Set(events.map(({ userId }) => userId))];
  const [registry, audit] =
    events.length === 0
      ? []
      : await Promise.all([
          ask("smtp-registry.trace", { userIds, eventIds }),
          ask("audit.trace", { eventIds }),
        ]);
  const isNew = audit?.recorded.some(({ eventId }) => early?.every(({ id }) => id !== eventId));
  const [users, again] =
    events.length === 0
      ? []
      : await Promise.all([
          ask("users.addresses", { userIds }),
          // What was recorded after the first round is told with what it says.
          isNew === true ? askEntries() : undefined,
        ]);
  const entries = again?.items ?? early;
  const unseen: Trace["unseen"] = onItsWay.flatMap((service) => {
    const reason = away.get(service);
    return reason === undefined ? [] : [{ service, reason }];
  });
  return { correlationId, outbox, requests, letters, entries, audit, registry, users, unseen };
}
