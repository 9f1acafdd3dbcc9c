/** What a mail server's key asks for. Pure. */
import { parseAddress } from "../contracts/address.ts";
import { localKey } from "../contracts/local-key.ts";

export interface Question {
  /** Of the address as it was written; undefined: it is none. */
  readonly exact: string | undefined;
  /** Of the address without its tag; undefined: it has none. */
  readonly base: string | undefined;
  /** The tag with its delimiter, as it was written. */
  readonly tag: string;
  /** In A-labels. */
  readonly domain: string;
  /** The key of the local part, without the tag. */
  readonly local: string;
}

/**
 * Nothing that a mail server could take for a second address, a route or the beginning of something else when the tag is
 * put back: the specials of RFC 5322 §3.2.3 but the dot, space, controls, and what `instructions` of address.ts refuses.
 */
const plainTag = /^[^\s\p{C}"(),:;<>@[\\\]%!|`]*$/u;

export interface TagRules {
  /** Each of its characters is one; empty: none is. */
  readonly delimiter: string;
  /** Local parts by key that are never taken apart (`mailer-daemon` with `-`). */
  readonly whole: ReadonlySet<string>;
}

/** undefined: a text of which no address of ours can come. */
export function questionOf(text: string, { delimiter, whole }: TagRules): Question | undefined {
  const parsed = parseAddress(text);
  const at = text.lastIndexOf("@");
  const written = text.slice(0, at);
  // Never the first character: nobody's local part is empty.
  const cut = [...written].findIndex((char, index) => index > 0 && delimiter.includes(char));
  const isWhole = cut < 0 || whole.has(localKey(written));
  const begin = isWhole ? at : [...written].slice(0, cut).join("").length;
  const tag = written.slice(begin);
  const base =
    isWhole || !plainTag.test(tag) ? undefined : parseAddress(text.slice(0, begin) + text.slice(at));
  if (base?.ok) {
    const { key, asciiDomain: domain } = base;
    return { exact: parsed.ok ? parsed.key : undefined, base: key, tag, domain, local: localOf(key) };
  }
  if (!parsed.ok) return undefined;
  const { key: exact, asciiDomain: domain } = parsed;
  return { exact, base: undefined, tag: "", domain, local: localOf(exact) };
}

const localOf = (key: string): string => key.slice(0, key.lastIndexOf("@"));
