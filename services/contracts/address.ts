/**
 * What an SMTP address is, and when two of them are the same.
 *
 * The local part stays as the person wrote it, the domain is kept in its UTS 46 mapped form, readable (U-labels); the
 * conflict key is what is compared, indexed and looked up.
 * Syntax: RFC 5321 / RFC 6531 through @hapi/address (right in all 148 relevant isemail cases).
 * Domain: UTS 46 through tr46, because URL and domainToASCII differ between Node and Deno. Its hyphens are checked here:
 * CheckHyphens refuses `ab--cd.example`, and such domains are delegated.
 * Local part of the key: NFKC → lower → upper → lower → NFKC, which merges every pair that Postfix's case folding
 * merges (straße/strasse, ﬁn/fin, K (Kelvin)/k) and ı/i (CVE-2019-19844). The first lowering is for ẞ (U+1E9E), which
 * is its own upper case: without it ẞ would part from ß and a key would not be its own key. Dots and plus-tags are
 * never stripped: whether they matter is the receiving host's affair (RFC 5321 §2.3.11).
 *
 * A stored key must stay right when the runtime's Unicode tables grow, so what unicode.ts does not know is refused.
 *
 * Two rules: what is an address at all, which anything that was ever granted has to be, and what may be a new one
 * (`objection`), which is narrower and may grow narrower still without taking an address from anybody.
 */
import { isDomainValid, isEmailValid } from "@hapi/address";
import { toASCII, toUnicode } from "tr46";
import { localKey } from "./local-key.ts";
import { outsideIdentifierClass } from "./precis.ts";
import { invisible, unkeyable } from "./unicode.ts";

/** RFC 5321 §4.5.3.1.1 */
export const localPartOctetsMax = 64;
/** RFC 5321 §4.5.3.1.3 less the angle brackets (RFC 3696 erratum 1690) */
export const addressOctetsMax = 254;

export type ParsedAddress =
  | {
      readonly ok: true;
      /** As it is kept and told: the local part as it was written, the domain mapped, in U-labels. */
      readonly display: string;
      readonly local: string;
      /** Mapped, in U-labels. */
      readonly domain: string;
      /** Mapped, in A-labels: what a mail server without SMTPUTF8 gets, and the domain of the key. */
      readonly asciiDomain: string;
      readonly key: string;
      /** Why nobody may take it anew; who has it keeps it. */
      readonly objection?: string;
    }
  | { readonly ok: false; readonly reason: string };

/** A request parses each of its addresses some ten times on its way, in milliseconds: 14 % of a create's CPU. */
const addressesRememberedMax = 2_000;
const domainsRememberedMax = 1_000;

/**
 * Promise: a pure function of a text, asked for the same text again within its last `resultsMax` new ones, answers
 * without working; it remembers at most twice as many. Two generations instead of a list by age: forgetting costs nothing.
 */
export function memoize<R extends object | string>(
  work: (text: string) => R,
  resultsMax: number,
): (text: string) => R {
  let young = new Map<string, R>();
  let old = new Map<string, R>();
  return (text) => {
    const known = young.get(text);
    if (known !== undefined) return known;
    const result = old.get(text) ?? work(text);
    if (young.size >= resultsMax) {
      old = young;
      young = new Map();
    }
    young.set(text, result);
    return result;
  };
}

const octets = (text: string): number => Buffer.byteLength(text);

/** A Dot-string of RFC 5321 §4.1.2, as RFC 6531 widens it. */
const isDotString = (local: string): boolean => isEmailValid(`${local}@example.com`, { ignoreLength: true });

/** NFKC can bring forth what the written form did not hold: `．．` becomes `..`, `＂` a quote, `ﷺ` spaces. */
const isValidFolded = (folded: string): boolean =>
  folded !== "" && !/[\s\p{Cc}]/u.test(folded) && isDotString(folded);

const uts46 = {
  checkHyphens: false,
  checkBidi: true,
  checkJoiners: true,
  useSTD3ASCIIRules: true,
  verifyDNSLength: true,
  transitionalProcessing: false,
};

interface Domain {
  readonly unicode: string;
  /** Empty when there is no such domain. */
  readonly ascii: string;
}
const noDomain: Domain = { unicode: "", ascii: "" };

/** RFC 5891 §4.2.3.1 for U-labels; an A-label that is none has failed by then. */
const hyphensAreInPlace = (unicode: string): boolean =>
  unicode
    .split(".")
    .every((label) => !/^-|-$/.test(label) && (/^[\x21-\x7e]*$/.test(label) || !/^..--/u.test(label)));

/** Mapped. Its last label begins with a letter, so an IPv4 address is none. */
const domainOf = memoize((domain): Domain => {
  const ascii = toASCII(domain, uts46) ?? "";
  const { domain: unicode } = toUnicode(domain, uts46);
  if (ascii === "" || !hyphensAreInPlace(unicode)) return noDomain;
  return isDomainValid(ascii, { minDomainSegments: 1 }) ? { unicode, ascii } : noDomain;
}, domainsRememberedMax);

/** Of a valid domain, in the longer of its two forms: either may be what a mail server gets (RFC 6531). */
export function domainOctets(domain: string): number {
  const { unicode, ascii } = domainOf(domain);
  return Math.max(octets(unicode), octets(ascii));
}

/**
 * A part of an address with its domain in the other form: A-labels as U-labels, anything else as A-labels. undefined
 * when it has no domain that one could tell, or when both forms are the same.
 */
export function inOtherForm(part: string): string | undefined {
  if (!/@|[.\u3002\uff0e\uff61]|xn--/iu.test(part)) return undefined;
  const at = part.lastIndexOf("@") + 1;
  const domain = part.slice(at);
  const options = { ...uts46, verifyDNSLength: false };
  const { domain: unicode, error } = toUnicode(domain, options);
  const other = error ? null : /xn--/i.test(domain) ? unicode : toASCII(domain, options);
  return other === null || other === domain ? undefined : part.slice(0, at) + other;
}

/**
 * What mail servers and their maps take for an instruction, in the written form or in the folded: an option, a pipe, a
 * file, an include, a comment; the percent hack, a bang path, a command substitution, an expansion (CVE-2019-10149).
 */
const instructions = /^[-|/:#]|[%!|`]|\$\{/;

const atTheStart = /(?:^|\.)\p{M}/u;

/** Why nobody may take the address anew. */
function objectionTo(local: string, folded: string, domain: Domain): string | undefined {
  const outside = outsideIdentifierClass(folded);
  if (outside !== undefined)
    return `must not hold ${outside} before the @ (IdentifierClass of PRECIS, RFC 8264)`;
  if (atTheStart.test(local) || atTheStart.test(folded))
    return "must not begin with a combining mark, nor have one behind a dot before the @";
  if ([local, folded].some((text) => instructions.test(text)))
    return "must not hold before the @ what mail servers take for an instruction: - / : or # in front, % ! | ` or ${ anywhere";
  if (invisible.test(domain.unicode)) return "must not hold invisible characters in its domain";
  if (unkeyable.test(domain.unicode)) return "must hold only code points of Unicode 16 in its domain";
  if (octets(local) + 1 + domainOctets(domain.unicode) > addressOctetsMax)
    return `must have at most ${addressOctetsMax} octets with its domain as mail servers get it, in A-labels and in U-labels`;
  return undefined;
}

const refuse = (reason: string): ParsedAddress => ({ ok: false, reason });

function parse(text: string): ParsedAddress {
  if (text.trim() !== text || text === "") return refuse("must be an address without surrounding space");
  if (!text.isWellFormed()) return refuse("must be well-formed Unicode");
  const at = text.lastIndexOf("@");
  if (at < 1 || at === text.length - 1) return refuse("must have the form local@domain");
  const local = text.slice(0, at);
  const written = text.slice(at + 1);
  if (octets(local) > localPartOctetsMax)
    return refuse(`must have at most ${localPartOctetsMax} octets before the @`);
  if (octets(text) > addressOctetsMax) return refuse(`must have at most ${addressOctetsMax} octets`);
  if (/^".*"$/su.test(local))
    return refuse("must not be quoted before the @: quoted local parts are not taken here");
  if (unkeyable.test(local)) return refuse("must hold only code points of Unicode 16 before the @");
  if (!isDotString(local))
    return refuse("must have before the @ a part that needs no quotes (Dot-string, RFC 5321)");
  if (written.startsWith("["))
    return refuse("must have a domain name after the @: address literals are not taken here");
  const domain = domainOf(written);
  if (domain.ascii === "")
    return refuse(
      /[.\u3002\uff0e\uff61]$/u.test(written)
        ? "must not end in a dot"
        : "must have a valid domain name after the @ (UTS 46)",
    );
  const folded = localKey(local);
  if (!isValidFolded(folded)) return refuse("must have a valid part before the @");
  const objection = objectionTo(local, folded, domain);
  return {
    ok: true,
    display: `${local}@${domain.unicode}`,
    local,
    domain: domain.unicode,
    asciiDomain: domain.ascii,
    key: `${folded}@${domain.ascii}`,
    ...(objection === undefined ? {} : { objection }),
  };
}

const parseMemoized = memoize(parse, addressesRememberedMax);

/** Splits, validates and keys an address. Never throws; `reason` says what is wrong without repeating the value. */
export const parseAddress = (text: string): ParsedAddress =>
  text.length > addressOctetsMax ? parse(text) : parseMemoized(text);

/** Why the text is no address that anybody may take anew; undefined when it is one. */
export function objectionToNew(text: string): string | undefined {
  const parsed = parseAddress(text);
  return parsed.ok ? parsed.objection : parsed.reason;
}

/** An address as it is kept; a text that is none, as it is. */
export function displayOf(text: string): string {
  const parsed = parseAddress(text);
  return parsed.ok ? parsed.display : text;
}

/** The conflict key of an address known to be valid. Throws TypeError on one that is not. */
export function addressKey(text: string): string {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new TypeError(`Cannot key an address: it ${parsed.reason}`);
  return parsed.key;
}
