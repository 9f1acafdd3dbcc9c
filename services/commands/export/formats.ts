/** The formats of an export, by their names. */
import { csv, type Writer } from "../../contracts/people-csv.ts";
import { exchange } from "./exchange.ts";
import { ldif } from "./ldif.ts";
import { ndjson } from "./ndjson.ts";

export const formats = {
  csv,
  exchange,
  ldif,
  ndjson,
} as const satisfies Record<string, (deleted: boolean) => Writer>;
export type FormatName = keyof typeof formats;
export const formatNames = Object.keys(formats) as FormatName[];
