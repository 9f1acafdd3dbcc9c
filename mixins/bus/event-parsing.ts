/** Promise: a handler sees only events of a sender who is believed that satisfy their schema; why another one does not is told without its values. */
import { eventTypes, UserFact, versionWithHeadroomMax } from "../../services/contracts/events.ts";
import { untrustedSender } from "./event-senders.ts";
import type { Delivery } from "./port.ts";

export type ParsedEvent =
  | { readonly ok: true; readonly event: UserFact }
  | {
      readonly ok: false;
      readonly reason: "untrusted-sender" | "not-json" | "unknown-type" | "invalid-event";
      readonly error: string;
    };

const utf8 = new TextDecoder("utf-8", { fatal: true });
const faultsToldMax = 5;

function json(body: Uint8Array): { text: string; value: unknown } | undefined {
  try {
    const text = utf8.decode(body);
    return { text, value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

const isSound = (text: string): boolean => !text.includes("\0") && text.isWellFormed();

/**
 * JSON can say what PostgreSQL can't keep: NUL, and halves of surrogate pairs. The guard spares sound bodies the walk,
 * which has a list of its own instead of calling itself: a body may be nested deeper than the stack is.
 */
function isStorable(text: string, value: unknown): boolean {
  if (!/\\u(?:0000|[dD][89a-fA-F])/.test(text)) return true;
  const parts = [value];
  while (parts.length > 0) {
    const part = parts.pop();
    if (typeof part === "string" && !isSound(part)) return false;
    if (typeof part !== "object" || part === null) continue;
    for (const [name, member] of Object.entries(part)) {
      if (!isSound(name)) return false;
      parts.push(member);
    }
  }
  return true;
}

const isKnownType = (value: unknown): boolean => {
  const type = (value as { type?: unknown } | null)?.type;
  return eventTypes.some((known) => known === type);
};

/** Fields that the schema does not know are ignored, so that a publisher may add some. Never throws. */
export function parseEvent(delivery: Delivery): ParsedEvent {
  if (delivery.doubt !== undefined) return { ok: false, reason: untrustedSender, error: delivery.doubt };
  const parsed = json(delivery.body);
  if (parsed === undefined) return { ok: false, reason: "not-json", error: "the body is not JSON in UTF-8" };
  const { text, value } = parsed;
  if (!isStorable(text, value))
    return { ok: false, reason: "invalid-event", error: "a string holds NUL or half a surrogate pair" };
  if (!isKnownType(value))
    return { ok: false, reason: "unknown-type", error: "the event's type is none that this consumer knows" };
  const result = UserFact.safeParse(value);
  if (result.success && result.data.sequence <= versionWithHeadroomMax)
    return { ok: true, event: result.data };
  if (result.success)
    return {
      ok: false,
      reason: "invalid-event",
      error: "sequence: too close to the last version that there is",
    };
  // Paths and kinds of fault only: zod's messages and the values themselves may hold names and addresses.
  const faults = result.error.issues
    .slice(0, faultsToldMax)
    .map((issue) => `${issue.path.map(String).join(".")}: ${issue.code}`);
  return { ok: false, reason: "invalid-event", error: faults.join("; ") };
}
