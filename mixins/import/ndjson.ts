/**
 * NDJSON: an object a line with the members that a client writes of a user, as the API and our export write
 * users; other members are passed over, and so are users that are deleted (`deletedAt`).
 */
import { listOf } from "./csv.ts";
import { BadFile, flagOf, ownCells, ownColumns, type Reader, type SourceRow, saidOf } from "./row.ts";
import { linesOf } from "./text.ts";

const lineCharsMax = 1_000_000;

function parsed(text: string, line: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const position = Number(/position (\d+)/.exec((error as Error).message)?.[1] ?? text.length);
    throw new BadFile(line, position + 1, "this is no JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new BadFile(line, 1, "a line is one object, not another value");
  return value as Record<string, unknown>;
}

/** A number stands for an id as well as a text does; anything else is told by its JSON, and refused for what it is. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}

function rowOf(text: string, line: number): SourceRow {
  const { displayName, primarySmtp, secondarySmtps, externalId, userName, active, deletedAt } = parsed(
    text,
    line,
  );
  const wanted = saidOf({
    displayName: textOf(displayName),
    primarySmtp: textOf(primarySmtp),
    secondarySmtps: Array.isArray(secondarySmtps)
      ? secondarySmtps.map((address) => textOf(address) ?? "")
      : listOf(textOf(secondarySmtps)),
    externalId: textOf(externalId),
    userName: textOf(userName),
    active: flagOf(textOf(active)),
  });
  const isDeleted = deletedAt !== undefined && deletedAt !== null;
  const passedOver = isDeleted ? { passedOver: "is of a deleted user" } : {};
  return { line, wanted, cells: ownCells(wanted), ...passedOver };
}

export const readNdjson: Reader = (text) => ({
  columns: () => ownColumns,
  rows: (async function* () {
    for await (const { number, text: line } of linesOf(text, lineCharsMax))
      if (line.trim() !== "") yield rowOf(line, number);
  })(),
});
