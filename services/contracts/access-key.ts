/**
 * An access key as its holder writes it: `mrk_<live|test>_<id>_<secret><checksum>`, base62. The secret has 256 random bits,
 * so its SHA-256 is all that has to be kept (no slow hash adds to that); the checksum is the CRC-32 of all before it, so that
 * a slip of the keyboard is told without a look-up, and a scanner for secrets finds no false one.
 */
import { createHash, randomInt } from "node:crypto";
import { crc32 } from "node:zlib";

/** As every key begins. */
export const keyPrefix = "mrk_";
/** `test` is a mark for people and scanners: both are taken alike. */
export type KeyMark = "live" | "test";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const idChars = 12;
const secretChars = 43;
const checksumChars = 6;
const form = new RegExp(
  `^(${keyPrefix}(?:live|test)_([0-9A-Za-z]{${idChars}})_[0-9A-Za-z]{${secretChars}})([0-9A-Za-z]{${checksumChars}})$`,
);

const randomChars = (count: number): string =>
  Array.from({ length: count }, () => alphabet[randomInt(alphabet.length)]).join("");

/** Of 32 bits, which six characters can hold. */
function checksumOf(text: string): string {
  let rest = crc32(text);
  let checksum = "";
  for (let place = 0; place < checksumChars; place += 1) {
    checksum = `${alphabet[rest % alphabet.length]}${checksum}`;
    rest = Math.floor(rest / alphabet.length);
  }
  return checksum;
}

/** What is kept of a key, and compared: its SHA-256, in hexadecimal. */
export const keyHash = (key: string): string => createHash("sha256").update(key).digest("hex");

export interface NewKey {
  /** The whole key, which nobody can tell again. */
  readonly key: string;
  readonly id: string;
  readonly hash: string;
}

/** A key that there has never been. */
export function newKey(mark: KeyMark = "live"): NewKey {
  const id = randomChars(idChars);
  const body = `${keyPrefix}${mark}_${id}_${randomChars(secretChars)}`;
  const key = `${body}${checksumOf(body)}`;
  return { key, id, hash: keyHash(key) };
}

/** The id of a key; undefined for a text that no key can be, by its form or its checksum. */
export function keyIdOf(text: string): string | undefined {
  const [, body = "", id, checksum] = form.exec(text) ?? [];
  return id !== undefined && checksum === checksumOf(body) ? id : undefined;
}
