/**
 * Which characters a new local part may hold: the IdentifierClass of PRECIS (RFC 8264 §4.2), the IETF's rule for names
 * of people and their accounts. Letters, digits and marks of every script, and ASCII; neither symbols nor punctuation
 * of other scripts, nor what nobody can see. By properties of Unicode, so it holds for what a later version adds.
 *
 * What is asked about is the folded local part (address.ts: `localKey`). So compatibility characters, which the class
 * refuses, are taken where folding makes letters of them: ﬁ has the key of fi and can't be its twin.
 */
import { toUnicode } from "tr46";
import { invisible } from "./unicode.ts";

/** RFC 8264 §9.1, 9.11, 9.6 (Exceptions, PVALID and CONTEXTO, for which see `contextual`). */
const inClass =
  /^[\p{Ll}\p{Lu}\p{Lo}\p{Nd}\p{Lm}\p{Mn}\p{Mc}\x21-\x7e\u06fd\u06fe\u0f0b\u3007\u00b7\u0375\u05f3\u05f4\u30fb]$/u;

/** RFC 8264 §9.9 (conjoining Jamo), 9.6 (Exceptions, DISALLOWED); 9.13 is `invisible`, unassigned ones are in no class. */
const outOfClass = /[\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff\u0640\u07fa\u302e\u302f\u3031-\u3035\u303b]/u;

/** RFC 5892 Appendix A.3 to A.9: where these characters may stand. */
const contextual: readonly { readonly of: RegExp; readonly misplaced: RegExp }[] = [
  { of: /\u00b7/u, misplaced: /(?<!l)\u00b7|\u00b7(?!l)/u },
  { of: /\u0375/u, misplaced: /\u0375(?!\p{Script=Greek})/u },
  { of: /[\u05f3\u05f4]/u, misplaced: /(?<!\p{Script=Hebrew})[\u05f3\u05f4]/u },
  {
    of: /\u30fb/u,
    misplaced: /^[^\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]*$/u,
  },
  { of: /[\u0660-\u0669]/u, misplaced: /[\u06f0-\u06f9]/u },
];

/**
 * ZWNJ and ZWJ after a virama, ZWNJ between letters that join (RFC 5892 Appendix A.1 and A.2). JavaScript has neither
 * of the properties; tr46 has them for domains. The `x` keeps it from taking a part for an A-label. With nothing to keep
 * apart ZWNJ shows nothing, behind a virama neither (UAX #31 §2.3, A2); ZWJ there makes a chillu of Malayalam.
 */
const joinersAreInPlace = (text: string): boolean =>
  !/\u200c(?![\p{L}\p{M}])/u.test(text) &&
  text.split(".").every((part) => !toUnicode(`x${part}`, { checkJoiners: true }).error);

const nameOf = (text: string): string =>
  `U+${(text.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;

/** The first code point that the class does not take there, as `U+200B`; undefined when it takes them all. */
export function outsideIdentifierClass(text: string): string | undefined {
  for (const char of text) {
    if (/\p{Join_Control}/u.test(char)) {
      if (!joinersAreInPlace(text)) return nameOf(char);
    } else if (!inClass.test(char) || outOfClass.test(char) || invisible.test(char)) return nameOf(char);
  }
  const misplaced = contextual.find((rule) => rule.of.test(text) && rule.misplaced.test(text));
  return misplaced === undefined ? undefined : nameOf(misplaced.of.exec(text)?.[0] ?? "");
}
