/**
 * Promise: events that fail for one cause have one short name, whoever they are about, whenever and wherever it is
 * computed: in the consumer's log line, in the table and in the list. Pure.
 */
import { createHash } from "node:crypto";
import { retriesExhausted } from "./settlement.ts";
import { errorCharsMax } from "./wire.ts";

export interface Failed {
  /** Whose consumer gave it up. */
  readonly queue: string;
  /** The event's type, as it was published. */
  readonly routingKey: string;
  readonly reason: string;
  readonly error: string;
}

const causeChars = 12;
/** Below what any transport cuts off, so that a cut text has the cause of the whole one. */
const comparedCharsMax = 300;

/** In this order: an address or a UUID is taken whole before its digits are. */
const particulars: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/gi, "<id>"],
  // Only at the first character of a word: begun at each of its characters, it would take the square of its length.
  [/(?<![^\s"'<>(),;:\\=/@])[^\s"'<>(),;:\\=/@]+@[^\s"'<>(),;:\\]+/gu, "<address>"],
  [/(["'`]).*?\1/gs, "<text>"],
  [/\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b/gi, "<id>"],
  [/\d+(?:[.:,-]\d+)*/g, "<n>"],
];
/** A SQLSTATE behind its class (`DriverException 22P05`) is a kind of error, not a particular of one. */
const sqlState = /((?:error|exception) )([0-9A-Z]{5})(?= |$|;)/gi;

/** The error without what differs from event to event: ids, numbers, addresses, quoted values. */
export function errorClass(error: string): string {
  // A header of any length may come from whoever may publish.
  const states: string[] = [];
  const guarded = error.slice(0, errorCharsMax).replaceAll(sqlState, (_, before: string, state: string) => {
    states.push(state);
    return `${before}\u0000`;
  });
  const bare = particulars.reduce((text, [pattern, name]) => text.replaceAll(pattern, name), guarded);
  return bare
    .replaceAll("\u0000", () => states.shift() ?? "")
    .replaceAll(/\s+/g, " ")
    .trim()
    .slice(0, comparedCharsMax);
}

/** The fingerprint, short enough to read out. */
export const causeOf = ({ queue, routingKey, reason, error }: Failed): string =>
  createHash("sha256")
    .update(JSON.stringify([queue, routingKey, reason, errorClass(error)]))
    .digest("hex")
    .slice(0, causeChars);

/** Those of a consumer of ours (event-parsing.ts, settlement.ts) and of RabbitMQ (dead-letter-message.ts). */
const knownReasons: ReadonlySet<string> = new Set([
  "untrusted-sender",
  "contradicts-entry",
  "version-jump",
  "not-json",
  "unknown-type",
  "invalid-event",
  retriesExhausted,
  "broker-delivery-limit",
  "broker-expired",
  "broker-maxlen",
  "broker-rejected",
  "unknown",
]);
const otherReason = "other";
export const reasonLabels: readonly string[] = [...knownReasons, otherReason];

/** For a metric's label: a message that somebody put among the dead letters by hand may name any reason. */
export const reasonLabel = (reason: string): string => (knownReasons.has(reason) ? reason : otherReason);
