/**
 * Promise: a page goes on exactly where the last one ended, whatever was inserted or removed meanwhile.
 *
 * A cursor is the sort key of the last item shown, as base64url of a JSON array: opaque to clients, readable to
 * us. It is no secret and not signed: whoever forges one only chooses another place to start reading. Its form
 * is checked by the schema of the list that reads it, so a cursor of another list is refused.
 */
import type * as z from "zod";
import { Refusal } from "../../services/contracts/errors.ts";

const base64url = /^[A-Za-z0-9_-]+$/;

/** The values must survive JSON: strings, numbers, booleans, null. */
export const encodeCursor = (values: readonly unknown[]): string =>
  Buffer.from(JSON.stringify(values), "utf8").toString("base64url");

/** Throws Refusal `invalid-fields` at `#/cursor` for anything that this list's `encodeCursor` did not make. */
export function decodeCursor<S extends z.ZodType>(text: string, schema: S): z.output<S> {
  const decoded = schema.safeParse(parse(text));
  if (decoded.success) return decoded.data;
  throw new Refusal("invalid-fields", "The request has invalid fields", {
    errors: [{ pointer: "#/cursor", detail: "must be a cursor that this list has returned" }],
  });
}

/** undefined when it is no JSON in base64url; Buffer would skip over foreign characters. */
function parse(text: string): unknown {
  if (!base64url.test(text)) return undefined;
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}

/**
 * One page of a list: its rows were read in the order of the key with one more than is shown, which tells that there are
 * more. `keyOf` is the key of the last row shown, as `encodeCursor` takes it.
 */
export function page<Row>(
  rows: readonly Row[],
  limit: number,
  keyOf: (row: Row) => readonly unknown[],
): { items: Row[]; nextCursor: string | null } {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null };
}
