/**
 * What an SMTP address is, and when two of them are the same.
 *
 * The address stays as the person wrote it; the conflict key is what is compared, indexed and looked up.
 * Syntax: RFC 5321 / RFC 6531 through @hapi/address (right in all 148 relevant isemail cases).
 * Domain part of the key: UTS 46 through tr46, because URL and domainToASCII differ between Node and Deno.
 * Local part of the key: NFKC → lower → upper → lower → NFKC, which merges every pair that Postfix's case folding
 * merges (straße/strasse, ﬁn/fin, K (Kelvin)/k) and ı/i (CVE-2019-19844). The first lowering is for ẞ (U+1E9E), which
 * is its own upper case: without it ẞ would part from ß and a key would not be its own key. Dots and plus-tags are
 * never stripped: whether they matter is the receiving host's affair (RFC 5321 §2.3.11).
 *
 * A stored key must stay right when the runtime's Unicode tables grow, so what unicode.ts does not know is refused.
 */
import { isEmailValid } from "@hapi/address";
import { toASCII } from "tr46";
import { remembering } from "./remembering.ts";
import { holdsUnkeyable } from "./unicode.ts";

/** RFC 5321 §4.5.3.1.1 */
export const localPartOctetsMax = 64;
/** RFC 5321 §4.5.3.1.3 less the angle brackets (RFC 3696 erratum 1690) */
export const addressOctetsMax = 254;

export type ParsedAddress =
  | {
      readonly ok: true;
      readonly display: string;
      readonly local: string;
      readonly domain: string;
      readonly key: string;
    }
  | { readonly ok: false; readonly reason: string };

/** A request parses each of its addresses some ten times on its way, in milliseconds: 14 % of a create's CPU. */
const addressesRememberedMax = 2_000;
const domainsRememberedMax = 1_000;

const octets = (text: string): number => Buffer.byteLength(text);

/** The conflict key of a local part alone; idempotent. */
export function localKey(local: string): string {
  return local.normalize("NFKC").toLowerCase().toUpperCase().toLowerCase().normalize("NFKC");
}

/** NFKC can bring forth what the written form did not hold: `．．` becomes `..`, `＂` a quote, `ﷺ` spaces. */
const isValidFolded = (folded: string): boolean =>
  folded !== "" &&
  !/[\s\p{Cc}]/u.test(folded) &&
  isEmailValid(`${folded}@example.com`, { ignoreLength: true });

const uts46 = {
  checkHyphens: true,
  checkBidi: true,
  checkJoiners: true,
  useSTD3ASCIIRules: true,
  verifyDNSLength: true,
  transitionalProcessing: false,
};

/** Empty when the domain has no key. */
const domainKey = remembering((domain) => toASCII(domain, uts46) ?? "", domainsRememberedMax);

function parse(text: string): ParsedAddress {
  const refuse = (reason: string): ParsedAddress => ({ ok: false, reason });
  if (text.trim() !== text || text === "") return refuse("must be an address without surrounding space");
  if (!text.isWellFormed()) return refuse("must be well-formed Unicode");
  const at = text.lastIndexOf("@");
  if (at < 1 || at === text.length - 1) return refuse("must have the form local@domain");
  const local = text.slice(0, at);
  const domain = text.slice(at + 1);
  if (octets(local) > localPartOctetsMax)
    return refuse(`must have at most ${localPartOctetsMax} octets before the @`);
  if (octets(text) > addressOctetsMax) return refuse(`must have at most ${addressOctetsMax} octets`);
  if (holdsUnkeyable(local)) return refuse("must hold only code points of Unicode 16 before the @");
  if (!isEmailValid(text, { minDomainSegments: 1 })) return refuse("must be a valid SMTP address");
  const ascii = domainKey(domain);
  if (ascii === "") return refuse("must have a valid domain (UTS 46)");
  const folded = localKey(local);
  if (!isValidFolded(folded)) return refuse("must have a valid part before the @");
  return { ok: true, display: text, local, domain, key: `${folded}@${ascii}` };
}

const parseRemembered = remembering(parse, addressesRememberedMax);

/** Splits, validates and keys an address. Never throws; `reason` says what is wrong without repeating the value. */
export const parseAddress = (text: string): ParsedAddress =>
  text.length > addressOctetsMax ? parse(text) : parseRemembered(text);

/** The conflict key of an address known to be valid. Throws TypeError on one that is not. */
export function addressKey(text: string): string {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new TypeError(`Cannot key an address: it ${parsed.reason}`);
  return parsed.key;
}
