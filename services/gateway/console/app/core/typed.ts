/**
 * What somebody typed into the one box, and so where it may lead.
 *
 * Promise: nothing is sent of what looks like an access key, which belongs into no search.
 */

export type Typed =
  | { readonly kind: "nothing" }
  | { readonly kind: "secret" }
  | { readonly kind: "address"; readonly text: string }
  | { readonly kind: "domain"; readonly text: string }
  /** Of a user, a request, an event or a letter: only looking tells. */
  | { readonly kind: "uuid"; readonly text: string }
  /** A name, or the correlation id of a request. */
  | { readonly kind: "word"; readonly text: string }
  /** What can be a name alone. */
  | { readonly kind: "name"; readonly text: string };

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const keyMark = /\bmrk_(?:live|test)_/;
const correlationId = /^[\x21-\x7e]{1,128}$/;

/** `Ann Lee <ann.lee@example.com>`, `mailto:ann.lee@example.com`, and what a sentence leaves around it. */
function bareAddress(text: string): string {
  const open = text.lastIndexOf("<");
  const close = text.lastIndexOf(">");
  const inner = open >= 0 && close > open ? text.slice(open + 1, close) : text;
  const plain = inner.trim().toLowerCase().startsWith("mailto:")
    ? inner.trim().slice("mailto:".length)
    : inner;
  return plain.trim().replace(/[.,;]$/, "");
}

/** As a whole line of headers is copied, out of curl too. */
const headerName = /^[<>]?\s*x-correlation-id\s*:\s*/i;

export function typedAs(raw: string): Typed {
  const text = raw.trim().replace(headerName, "");
  if (text === "") return { kind: "nothing" };
  if (keyMark.test(text)) return { kind: "secret" };
  if (text.startsWith("@")) return { kind: "domain", text: text.slice(1) };
  if (text.includes("@")) return { kind: "address", text: bareAddress(text) };
  if (uuid.test(text)) return { kind: "uuid", text: text.toLowerCase() };
  return correlationId.test(text) ? { kind: "word", text } : { kind: "name", text };
}

/** When a UUID of version 7 was made (RFC 9562), in milliseconds; undefined for any other. */
export function madeAtMs(id: string): number | undefined {
  if (!uuid.test(id) || id[14] !== "7") return undefined;
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
