/** Text of files in any encoding that iconv-lite knows. */
import iconv from "iconv-lite";
import { type TextOptions, textOfBytes } from "../../../mixins/import/text.ts";

export const isEncoding = (name: string): boolean => iconv.encodingExists(name);

export const decoderOf: TextOptions["decoderOf"] = (encoding) => iconv.getDecoder(encoding);

/** Without the byte order mark; `encoding` is that of a file without one. What is none of it is thrown as a BadFile. */
export const textOf = (chunks: AsyncIterable<Uint8Array>, encoding?: string): AsyncIterable<string> =>
  textOfBytes(chunks, { encoding, decoderOf });
