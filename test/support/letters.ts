/** Dead letters as a test looks at them. */
import type { DeadLetter as StoredLetter } from "../../mixins/bus/port.ts";
import { consumers } from "../../services/contracts/consumers.ts";
import { type DeadLetter, DeadLetterPage } from "../../services/contracts/dead-letters.ts";
import type { UserEvent } from "../../services/contracts/events.ts";
import { type EventParts, userEvent } from "./events.ts";
import { eventually } from "./eventually.ts";
import type { Answer, Rig } from "./rig.ts";

/** An event of a user that has just this address. */
export function addressEvent(primarySmtp: string, parts: EventParts): UserEvent {
  const event = userEvent(parts);
  return { ...event, data: { ...event.data, user: { ...event.data.user, primarySmtp } } };
}

/** The letters that the list shows, once there are so many. */
export const lettersOf = ({ http }: Rig, count: number, query = "limit=200"): Promise<DeadLetter[]> =>
  eventually(async () => {
    const of = query.includes("status=") ? query : `${query}&status=all`;
    const { body } = await http("GET", `/dead-letters?${of}`);
    const { items } = DeadLetterPage.parse(body);
    if (items.length !== count) throw new Error(`${items.length} letters instead of ${count}`);
    return items;
  });

export const letterById = async ({ http }: Rig, id: string): Promise<Answer["body"]> =>
  (await http("GET", `/dead-letters/${id}`)).body;

/** Of each queue, how many are pending. */
export async function pendingByQueue({ metrics }: Rig): Promise<Record<string, number>> {
  await metrics.expose();
  const { values } = await metrics.deadLetters.get();
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels.queue), value]));
}

/** A letter of an event that audit can handle by now. */
export function letterOf(parts: Partial<StoredLetter> = {}, event = userEvent()): StoredLetter {
  return {
    queue: consumers.audit.queue,
    messageId: event.id,
    correlationId: event.correlationid,
    routingKey: event.type,
    body: Buffer.from(JSON.stringify(event)),
    reason: "retries-exhausted",
    error: "DriverException 22P05",
    attempts: 6,
    firstFailedAt: new Date("2026-11-01T10:00:00.000Z"),
    lastFailedAt: new Date("2026-11-01T10:12:00.000Z"),
    headers: {},
    ...parts,
  };
}
