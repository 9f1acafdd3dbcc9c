/**
 * Suffixed addresses: `ann@example.com` taken becomes `ann2@example.com`, `ann3@…`, within the limits of an address.
 * Pure. (Exchange's way; never `+n`, which is a recipient delimiter.)
 */
import { addressOctetsMax, domainOctets, localPartOctetsMax, parseAddress } from "../contracts/address.ts";

export interface Candidate {
  readonly address: string;
  readonly key: string;
  readonly suffix: number;
}

/** The number that the first suffixed address gets. */
export const firstSuffix = 2;
const suffixDigitsMax = 6;

const octets = (text: string): number => Buffer.byteLength(text);
const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" });

/** The longest beginning of `text` that fits, never splitting what a reader sees as one character. */
export function truncate(text: string, octetsMax: number): string {
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

/**
 * The n-th candidate of an address; undefined when none can be made (a domain so long that no stem is left).
 * A stem that would end in a dot loses it: `ann.` + `2` is fine, but the dot would be the cut's, not the person's. So
 * does one that would end in a character that may only stand in front of what was cut off.
 */
export function candidate(base: string, suffix: number): Candidate | undefined {
  const [local, domain] = split(base);
  const digits = String(suffix);
  const room = roomFor(domain, digits.length);
  const stem = octets(local) <= room ? local : truncate(local, room).replace(needingMore, "");
  if (stem === "") return undefined;
  const address = `${stem}${digits}@${domain}`;
  const parsed = parseAddress(address);
  return parsed.ok && parsed.objection === undefined ? { address, key: parsed.key, suffix } : undefined;
}

/** Candidates `first` … `first + count - 1`, without those whose key is in `taken`. */
export function candidates(
  base: string,
  first: number,
  count: number,
  taken: ReadonlySet<string>,
): Candidate[] {
  return Array.from({ length: count }, (_, index) => candidate(base, first + index)).filter(
    (found): found is Candidate => found !== undefined && !taken.has(found.key),
  );
}

/**
 * Which counter numbers the candidates of a base. Long local parts that agree up to where a number of
 * `suffixDigitsMax` digits would cut them share one: their candidates collide, and a counter each would walk
 * through all that the other has taken.
 */
export function counterKey(baseKey: string): string {
  const [local, domain] = split(baseKey);
  return `${truncate(local, roomFor(domain, suffixDigitsMax))}@${domain}`;
}
