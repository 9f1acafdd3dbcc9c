/**
 * Promise: what is kept or logged of a caught error names its kind and place, and never a value.
 *
 * Messages of the database driver and of JavaScript itself may quote what was stored or parsed (names, addresses),
 * and a dead letter outlives the log's retention. So only identifiers are taken: the class, the code, and, from
 * PostgreSQL, the table, column and constraint.
 */
import { Errors } from "moleculer";
import { causesOf } from "../basics/error-causes.ts";

interface Told {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly type?: unknown;
  readonly table?: unknown;
  readonly column?: unknown;
  readonly constraint?: unknown;
}

const charsMax = 300;
const identifier = /^[\w.:-]{1,80}$/;

const worded = (label: string, value: unknown): string[] =>
  (typeof value === "string" && identifier.test(value)) || typeof value === "number"
    ? [`${label}${value}`]
    : [];

/** One line without a stack, such as `UniqueConstraintViolationException 23505 table=users constraint=users_pkey`. */
export function errorText(error: unknown): string {
  const parts = new Set<string>();
  for (const cause of causesOf(error) as Iterable<Told>) {
    const own = [
      ...worded("", cause.name),
      ...worded("", cause.code),
      ...worded("", cause.type),
      ...worded("table=", cause.table),
      ...worded("column=", cause.column),
      ...worded("constraint=", cause.constraint),
    ];
    for (const part of own) parts.add(part);
  }
  return [...parts].join(" ").slice(0, charsMax) || `a thrown ${typeof error}`;
}

/** Whose messages we know: texts of the code or of the operating system, with at most identifiers in them. */
const ownNames = new Set([
  "Refusal",
  "Unavailable",
  "StartError",
  "ConfigError",
  "LostRace",
  "HttpProblem",
  "TimeoutError",
]);

/** The engine's own words for the commonest defects, whose operands are identifiers of the code. */
const engineWords =
  /^(?:Cannot (?:read|set) properties of (?:undefined|null) \((?:reading|setting) '[a-z_$][\w$]{0,79}'\)|[\w$.]{1,80} is not a (?:function|constructor))$/;

/**
 * A driver quotes the row, an ORM the entity, a parser its input, the engine's own TypeError the operand: of all classes
 * but these the message may hold anything.
 */
function quotesNothing(error: Error): boolean {
  if (ownNames.has(error.name) || error instanceof Errors.MoleculerError) return true;
  const { errno, syscall } = error as NodeJS.ErrnoException;
  if (typeof errno === "number" && typeof syscall === "string") return true;
  if (error instanceof TypeError) return engineWords.test(error.message);
  return error.constructor === Error && error.name === "Error";
}

/** The first line of the message when it can't hold a stored or sent value, else what `errorText` tells. */
export function errorMessage(error: unknown): string {
  if (!(error instanceof Error) || !quotesNothing(error)) return errorText(error);
  return (error.message.split("\n")[0] ?? "").slice(0, charsMax) || errorText(error);
}

/** Where it was thrown: the frames of the stack without its first line, which repeats the message. */
export const errorFrames = (error: unknown): string | undefined =>
  error instanceof Error
    ? error.stack
        ?.split("\n")
        .filter((line) => /^\s+at /.test(line))
        .join("\n")
    : undefined;
