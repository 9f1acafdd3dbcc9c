/** Promise: a cell is one cell in every program that reads CSV (RFC 4180), and none takes it for a formula. */
import { csvLine, formulaSafe } from "../../../../contracts/csv-cells.ts";

function cellOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  const isText = typeof value === "string";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return isText ? formulaSafe(text) : text;
}

export const csvOf = (columns: readonly string[], rows: readonly (readonly unknown[])[]): string =>
  [columns, ...rows].map((row) => csvLine(row.map(cellOf))).join("");
