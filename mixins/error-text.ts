/**
 * Promise: what is kept or logged of a caught error names its kind and place, and never a value.
 *
 * Messages of the database driver and of JavaScript itself may quote what was stored or parsed (names, addresses),
 * and a dead letter outlives the log's retention. So only identifiers are taken: the class, the code, and, from
 * PostgreSQL, the table, column and constraint.
 */

interface Told {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly type?: unknown;
  readonly table?: unknown;
  readonly column?: unknown;
  readonly constraint?: unknown;
  readonly cause?: unknown;
  readonly previous?: unknown;
}

const depthMax = 5;
const charsMax = 300;
const identifier = /^[\w.:-]{1,80}$/;

const worded = (label: string, value: unknown): string[] =>
  (typeof value === "string" && identifier.test(value)) || typeof value === "number"
    ? [`${label}${value}`]
    : [];

/** One line without a stack, such as `UniqueConstraintViolationException 23505 table=users constraint=users_pkey`. */
export function errorText(error: unknown): string {
  const parts = new Set<string>();
  let current = error;
  for (let depth = 0; depth < depthMax && typeof current === "object" && current !== null; depth += 1) {
    const told = current as Told;
    const own = [
      ...worded("", told.name),
      ...worded("", told.code),
      ...worded("", told.type),
      ...worded("table=", told.table),
      ...worded("column=", told.column),
      ...worded("constraint=", told.constraint),
    ];
    for (const part of own) parts.add(part);
    current = told.previous ?? told.cause;
  }
  return [...parts].join(" ").slice(0, charsMax) || `a thrown ${typeof error}`;
}

/** Where it was thrown: the frames of the stack without its first line, which repeats the message. */
export const errorFrames = (error: unknown): string | undefined =>
  error instanceof Error
    ? error.stack
        ?.split("\n")
        .filter((line) => /^\s+at /.test(line))
        .join("\n")
    : undefined;
