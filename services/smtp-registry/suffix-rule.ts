/**
 * Suffixed addresses: `ann@example.com` taken becomes `ann2@example.com`, `ann3@…`, within the limits of an address.
 * Pure. (Exchange's way; never `+n`, which is a recipient delimiter.)
 */
import { addressOctetsMax, domainOctets, localPartOctetsMax, parseAddress } from "../contracts/address.ts";
import type { BlockedNames } from "./blocked.ts";

/** The number that the first suffixed address gets. */
export const firstSuffix = 2;
/** Of a number that is ever given; an `int` holds it. */
const digitsMax = 9;
/** Names that are cut by a number of so many digits to the same one share a counter. */
const counterDigits = 6;

/** The numbers from `first` to `last` stand after the same stem; `keyStem` is that of their conflict keys. */
export interface SuffixRange {
  readonly first: number;
  readonly last: number;
  readonly stem: string;
  readonly keyStem: string;
  /** How numbers begin that make a blocked name. */
  readonly passed: readonly string[];
}

/** What an address can become. */
export interface Suffixes {
  readonly domain: string;
  readonly keyDomain: string;
  /** By their numbers; empty when not even one digit fits. */
  readonly ranges: readonly SuffixRange[];
}

const octets = (text: string): number => Buffer.byteLength(text);
const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" });

/** The longest beginning of `text` that fits, never splitting what a reader sees as one character. */
export function truncate(text: string, octetsMax: number): string {
  if (octets(text) <= octetsMax) return text;
  let kept = "";
  let size = 0;
  for (const { segment } of graphemes.segment(text)) {
    size += octets(segment);
    if (size > octetsMax) break;
    kept += segment;
  }
  return kept;
}

const split = (address: string): [local: string, domain: string] => {
  const at = address.lastIndexOf("@");
  return [address.slice(0, at), address.slice(at + 1)];
};

const roomFor = (domain: string, digits: number): number =>
  Math.min(localPartOctetsMax, addressOctetsMax - 1 - domainOctets(domain)) - digits;

/** A dot, ZWNJ, ZWJ, the middle dot and the keraia at the end of a cut local part (contracts/precis.ts). */
const needingMore = /(?<![.\u00b7\u0375\u200c]|\u200d)(?:[.\u00b7\u0375\u200c]|\u200d)+$/u;

interface Stem {
  readonly stem: string;
  readonly keyStem: string;
  readonly keyDomain: string;
}

/** undefined when a number after it makes no address. Which one does not matter: digits fold to themselves. */
function stemOf(stem: string, number: string, domain: string): Stem | undefined {
  if (stem === "") return undefined;
  const parsed = parseAddress(`${stem}${number}@${domain}`);
  if (!parsed.ok || parsed.objection !== undefined) return undefined;
  const [keyLocal, keyDomain] = split(parsed.key);
  if (!keyLocal.endsWith(number)) return undefined;
  return { stem, keyStem: keyLocal.slice(0, -number.length), keyDomain };
}

/**
 * The longest stem that a number of so many digits can follow. One that is cut and would end in a dot loses it: `ann.` +
 * `2` is fine, but the dot would be the cut's, not the person's. So does one that would end in a character that may only
 * stand in front of what was cut off. A cut may also leave what is no new address by itself.
 */
function longestStem(local: string, domain: string, digits: number): Stem | undefined {
  const number = "9".repeat(digits);
  const room = roomFor(domain, digits);
  const whole = octets(local) <= room ? stemOf(local, number, domain) : undefined;
  if (whole !== undefined) return whole;
  const units = [...graphemes.segment(truncate(local, room))].map(({ segment }) => segment);
  if (octets(local) <= room) units.pop();
  for (; units.length > 0; units.pop()) {
    const cut = stemOf(units.join("").replace(needingMore, ""), number, domain);
    if (cut !== undefined) return cut;
  }
  return undefined;
}

/** All that an address can become, in the order in which it is tried. */
export function suffixesOf(address: string, blocked: BlockedNames): Suffixes {
  const [local, domain] = split(address);
  const range = ({ stem, keyStem }: Stem, first: number, last: number): SuffixRange => ({
    first,
    last,
    stem,
    keyStem,
    passed: blocked.numbersAfter(keyStem),
  });
  const longest = longestStem(local, domain, digitsMax);
  const ranges: SuffixRange[] = [];
  let keyDomain = domain;
  for (let digits = 1; digits <= digitsMax; digits += 1) {
    // What the longest number leaves whole, all leave whole.
    const found = longest?.stem === local ? longest : longestStem(local, domain, digits);
    if (found === undefined) break;
    keyDomain = found.keyDomain;
    const [first, last] = [Math.max(firstSuffix, 10 ** (digits - 1)), 10 ** digits - 1];
    const before = ranges.at(-1);
    if (before?.stem === found.stem) ranges.splice(-1, 1, { ...before, last });
    else ranges.push(range(found, first, last));
  }
  return { domain, keyDomain, ranges: ranges.filter(({ passed }) => !passed.includes("")) };
}

/**
 * Which counter numbers the suffixes of a base. Long local parts that agree up to where a number of `counterDigits`
 * digits would cut them share one: their candidates collide, and a counter each would walk through all that the other
 * has taken.
 */
export function counterKey(baseKey: string): string {
  const [local, domain] = split(baseKey);
  return `${truncate(local, roomFor(domain, counterDigits))}@${domain}`;
}
