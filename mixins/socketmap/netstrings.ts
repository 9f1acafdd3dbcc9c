/**
 * Netstrings (D. J. Bernstein, 1997), `<length>:<bytes>,`, out of a stream that is cut anywhere. Pure.
 *
 * A request of more than `answeredBytesMax` is read to its end and forgotten, so that its sender still gets an answer and
 * the next one is understood; nobody is told to be longer than `readBytesMax`.
 */

/** Postfix sends at most so much (dict_sockmap.c); no address is nearly as long. */
export const answeredBytesMax = 10_000;
/** What socketmap_table(5) lets a reply have. */
export const readBytesMax = 100_000;
const digitsMax = 6;

const colon = 0x3a;
const comma = 0x2c;
const zero = 0x30;
const nine = 0x39;

/** The stream makes no sense from here on: nothing after it can be understood. */
export class FramingError extends Error {
  override name = "FramingError";
}

/** `text`: as UTF-8; undefined: longer than what is answered. */
export interface Frame {
  readonly text: string | undefined;
}

const empty = Buffer.alloc(0);

export class Netstrings {
  #rest: Buffer = empty;
  /** Of a frame that is forgotten: the bytes that are still to come, its comma among them; 0: of none. */
  #toForget = 0;

  /** Whether a frame has begun that has not ended. */
  get isMidway(): boolean {
    return this.#rest.length > 0 || this.#toForget > 0;
  }

  add(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
  }

  /** The next whole frame; undefined: there is none yet. Throws FramingError. */
  next(): Frame | undefined {
    if (this.#toForget > 0) return this.#forget();
    const { length, begin } = lengthIn(this.#rest);
    if (begin === 0) return undefined;
    if (length > readBytesMax) throw new FramingError("Cannot read a netstring: it is too long");
    if (length > answeredBytesMax) {
      this.#rest = this.#rest.subarray(begin);
      this.#toForget = length + 1;
      return this.#forget();
    }
    const end = begin + length;
    if (this.#rest.length <= end) return undefined;
    requireComma(this.#rest[end]);
    const text = this.#rest.toString("utf8", begin, end);
    this.#rest = this.#rest.length === end + 1 ? empty : this.#rest.subarray(end + 1);
    return { text };
  }

  #forget(): Frame | undefined {
    const count = Math.min(this.#toForget, this.#rest.length);
    const last = this.#rest[count - 1];
    this.#rest = this.#rest.subarray(count);
    this.#toForget -= count;
    if (this.#toForget > 0) return undefined;
    requireComma(last);
    return { text: undefined };
  }
}

function requireComma(byte: number | undefined): void {
  if (byte !== comma) throw new FramingError("Cannot read a netstring: no comma ends it");
}

/** What a frame says of its length, and where its bytes begin; 0: the length is not whole yet. Throws FramingError. */
function lengthIn(bytes: Buffer): { length: number; begin: number } {
  let length = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === colon && at > 0) return { length, begin: at + 1 };
    const isLeadingZero = at === 1 && bytes[0] === zero;
    if (byte < zero || byte > nine || at >= digitsMax || isLeadingZero)
      throw new FramingError("Cannot read a netstring: it does not begin with a length");
    length = length * 10 + byte - zero;
  }
  return { length: 0, begin: 0 };
}

/** One netstring of a text. */
export const netstring = (text: string): string => `${Buffer.byteLength(text)}:${text},`;
