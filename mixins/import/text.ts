/**
 * The text of a file, piece by piece. Its encoding is what its byte order mark says, else what is named, else UTF-8; a
 * byte that is none of it is a BadFile with its place, because a name that was read wrongly stays wrong.
 */
import { BadFile } from "./row.ts";

/** What makes text of bytes in another encoding than UTF-8; what is none becomes U+FFFD. */
export interface Decoder {
  write(bytes: Uint8Array): string;
  end(): string | undefined;
}

export interface TextOptions {
  /** Of a file without a byte order mark; UTF-8 unless it is said. */
  readonly encoding?: string | undefined;
  /** Of an encoding other than UTF-8, as this runtime has them. */
  readonly decoderOf: (encoding: string) => Decoder;
}

const utf8 = "utf-8";
const byteOrderMarks: readonly (readonly [encoding: string, mark: readonly number[]])[] = [
  [utf8, [0xef, 0xbb, 0xbf]],
  ["utf-16le", [0xff, 0xfe]],
  ["utf-16be", [0xfe, 0xff]],
];
/** What people give by mistake, by how it begins. */
const otherFiles: readonly (readonly [begin: string, what: string])[] = [
  ["PK\u0003\u0004", "a spreadsheet or an archive; save it as CSV"],
  ["\u001f\u008b", "compressed; unpack it first"],
  ["%PDF", "a PDF"],
  ["\u00d0\u00cf\u0011\u00e0", "a spreadsheet; save it as CSV"],
];

const startsWith = (bytes: Uint8Array, mark: readonly number[]): boolean =>
  mark.every((byte, index) => bytes[index] === byte);

const emptyPiece = new Uint8Array();

function joinedBytes(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

const strictUtf8 = new TextDecoder(utf8, { fatal: true, ignoreBOM: true });

/** undefined: it is no UTF-8. */
function utf8Of(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** How many bytes at the end are the beginning of a character whose rest is still to come. */
function incompleteTail(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

/** The length of the longest beginning that is UTF-8. */
function validLength(bytes: Uint8Array): number {
  let [low, high] = [0, bytes.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const part = bytes.subarray(0, middle);
    if (utf8Of(part.subarray(0, middle - incompleteTail(part))) !== undefined) low = middle;
    else high = middle - 1;
  }
  return low - incompleteTail(bytes.subarray(0, low));
}

/** Where in a text one is, as editors count. */
function place() {
  let line = 1;
  let column = 1;
  return {
    pass(text: string): void {
      const last = text.lastIndexOf("\n");
      if (last < 0) column += text.length;
      else {
        for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) line += 1;
        column = text.length - last;
      }
    },
    fault: (why: string): BadFile => new BadFile(line, column, why),
  };
}

const hex = (byte: number | undefined): string => (byte ?? 0).toString(16).toUpperCase().padStart(2, "0");

async function* readUtf8(chunks: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const where = place();
  let rest: Uint8Array = emptyPiece;
  const fault = (bytes: Uint8Array): BadFile => {
    const valid = validLength(bytes);
    where.pass(utf8Of(bytes.subarray(0, valid)) ?? "");
    const hint = bytes[valid] === 0 ? "utf-16le" : "windows-1252";
    return where.fault(`the byte 0x${hex(bytes[valid])} is no UTF-8 (say --encoding ${hint} if it is that)`);
  };
  for await (const chunk of chunks) {
    const bytes = joinedBytes(rest, chunk);
    const whole = bytes.subarray(0, bytes.length - incompleteTail(bytes));
    const text = utf8Of(whole);
    if (text === undefined) throw fault(bytes);
    where.pass(text);
    yield text;
    rest = bytes.subarray(whole.length);
  }
  if (rest.length > 0) throw fault(rest);
}

async function* readOther(
  chunks: AsyncIterable<Uint8Array>,
  encoding: string,
  decoder: Decoder,
): AsyncIterable<string> {
  const where = place();
  const checked = (text: string): string => {
    const wrong = text.indexOf("\ufffd");
    where.pass(wrong < 0 ? text : text.slice(0, wrong));
    if (wrong >= 0) throw where.fault(`a byte is no ${encoding}`);
    return text;
  };
  for await (const chunk of chunks) yield checked(decoder.write(chunk));
  const last = decoder.end();
  if (last !== undefined && last !== "") yield checked(last);
}

/** At least so many bytes of it, in the first piece. */
const beginBytes = 4;

async function* withBegin(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let begin: Uint8Array | undefined;
  for await (const chunk of chunks) {
    if (begin === undefined || begin.length < beginBytes) {
      begin = joinedBytes(begin ?? emptyPiece, chunk);
      if (begin.length >= beginBytes) yield begin;
    } else yield chunk;
  }
  if (begin !== undefined && begin.length < beginBytes) yield begin;
}

/** Without the byte order mark. */
export async function* textOfBytes(
  chunks: AsyncIterable<Uint8Array>,
  { encoding: named, decoderOf }: TextOptions,
): AsyncIterable<string> {
  const pieces = withBegin(chunks)[Symbol.asyncIterator]();
  const first = (await pieces.next()).value as Uint8Array | undefined;
  if (first === undefined) throw new BadFile(1, 1, "the file is empty");
  const other = otherFiles.find(([begin]) =>
    String.fromCharCode(...first.subarray(0, beginBytes)).startsWith(begin),
  );
  if (other !== undefined) throw new BadFile(1, 1, `the file is ${other[1]}`);
  const marked = byteOrderMarks.find(([, mark]) => startsWith(first, mark));
  const encoding = marked?.[0] ?? named ?? utf8;
  const rest = async function* (): AsyncIterable<Uint8Array> {
    yield first.subarray(marked?.[1].length ?? 0);
    for (;;) {
      const { done, value } = await pieces.next();
      if (done === true) return;
      yield value;
    }
  };
  yield* /^utf-?8$/i.test(encoding) ? readUtf8(rest()) : readOther(rest(), encoding, decoderOf(encoding));
}

/** A beginning of the text without its rest, and the text with it: what a format is recognised by. */
export async function peek(
  text: AsyncIterable<string>,
  charsMin: number,
): Promise<{ readonly begin: string; readonly whole: AsyncIterable<string> }> {
  const pieces = text[Symbol.asyncIterator]();
  let begin = "";
  while (begin.length < charsMin) {
    const { done, value } = await pieces.next();
    if (done === true) break;
    begin += value;
  }
  const whole = async function* (): AsyncIterable<string> {
    yield begin;
    for (;;) {
      const { done, value } = await pieces.next();
      if (done === true) return;
      yield value;
    }
  };
  return { begin, whole: whole() };
}

/** Lines with their numbers, ends of every kind taken off. A longer line than `charsMax` is a BadFile. */
export async function* linesOf(
  text: AsyncIterable<string>,
  charsMax: number,
): AsyncIterable<{ readonly number: number; readonly text: string }> {
  let number = 0;
  let rest = "";
  for await (const piece of text) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      number += 1;
      yield { number, text: line.endsWith("\r") ? line.slice(0, -1) : line };
    }
    if (rest.length > charsMax)
      throw new BadFile(number + 1, charsMax, `the line has more than ${charsMax} characters`);
  }
  if (rest !== "") yield { number: number + 1, text: rest.endsWith("\r") ? rest.slice(0, -1) : rest };
}
