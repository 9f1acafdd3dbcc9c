/** A file of users, whatever holds its bytes: recognised, decoded, and looked through before anything is done. */
import { type FormatName, importFormats, recognised } from "./formats.ts";
import type { ReaderOptions, Source } from "./row.ts";
import { peek, type TextOptions, textOfBytes } from "./text.ts";

const recognitionCharsMin = 8_192;

export interface SourceOptions extends ReaderOptions, TextOptions {
  /** Instead of the one that it looks like. */
  readonly format?: FormatName | undefined;
}

/** Rejects with a BadFile, as its rows do. */
export async function sourceOf(
  bytes: AsyncIterable<Uint8Array>,
  options: SourceOptions,
): Promise<{ readonly format: FormatName; readonly source: Source }> {
  const { begin, whole } = await peek(textOfBytes(bytes, options), recognitionCharsMin);
  const format = options.format ?? recognised(begin);
  const { columns } = options;
  return { format, source: importFormats[format].read(whole, columns === undefined ? {} : { columns }) };
}

/** Reads all of it, so that a fault in its last line stops nothing halfway; those that are passed over count as none. */
export async function countSource(
  { rows }: Source,
  onRow: (count: number) => void = () => {},
): Promise<number> {
  let count = 0;
  for await (const { passedOver } of rows) {
    if (passedOver === undefined) count += 1;
    onRow(count);
  }
  return count;
}
