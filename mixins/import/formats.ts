/** The formats of an import: one row each, with how it is read and how it is recognised. */
import { readCsv } from "./csv.ts";
import { delimiterOf } from "./csv-table.ts";
import { isExchange, readExchange } from "./exchange.ts";
import { isGoogle, readGoogle } from "./google.ts";
import { readLdif } from "./ldif.ts";
import { readNdjson } from "./ndjson.ts";
import type { Reader } from "./row.ts";

interface Format {
  readonly read: Reader;
  /** Of the first line that says something, and its cells were it CSV. */
  readonly isIt: (line: string, cells: readonly string[]) => boolean;
}

/** The first one that knows itself is it; CSV knows itself in everything. */
export const importFormats = {
  ndjson: { read: readNdjson, isIt: (line) => line.startsWith("{") },
  ldif: { read: readLdif, isIt: (line) => /^(?:version|dn)::?\s/i.test(line) },
  google: { read: readGoogle, isIt: (_line, cells) => isGoogle(cells) },
  exchange: { read: readExchange, isIt: (_line, cells) => isExchange(cells) },
  csv: { read: readCsv, isIt: () => true },
} as const satisfies Record<string, Format>;
export type FormatName = keyof typeof importFormats;
export const importFormatNames = Object.keys(importFormats) as FormatName[];

/** By how the text begins: comments (`#`) and blank lines say nothing. */
export function recognised(begin: string): FormatName {
  const line = begin.split(/\r?\n/).find((each) => each.trim() !== "" && !each.startsWith("#")) ?? "";
  const cells = line.split(delimiterOf(line)).map((cell) => cell.replaceAll('"', "").trim());
  return importFormatNames.find((name) => importFormats[name].isIt(line, cells)) ?? "csv";
}
