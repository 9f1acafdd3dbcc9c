/** What may be a new local part, for every code point; and what a name needs beside its letters. */
import test from "ava";
import { objectionToNew } from "../../services/contracts/address.ts";
import { localKey } from "../../services/contracts/local-key.ts";

const isTaken = (local: string): boolean => objectionToNew(`${local}@example.com`) === undefined;
/** All that is assigned, and of the empty planes the beginnings: a machine under load has no time for a million. */
const codePoints = function* (): Generator<string> {
  for (let code = 0; code <= 0x10ffff; code += 1)
    if ((code < 0x34000 || (code & 0xffff) < 0x200) && (code < 0xd800 || code > 0xdfff))
      yield String.fromCodePoint(code);
};
const nameOf = (char: string): string => `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase()}`;

test("of all code points none is taken that nobody can see, and none that no version of Unicode has given a meaning", (t) => {
  const taken = [...codePoints()].filter(
    (char) => /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u.test(char) && isTaken(`a${char}b`),
  );
  t.deepEqual(taken.slice(0, 20).map(nameOf), []);
});

test("of all code points those are taken that fold to letters, marks and digits, or to ASCII, but for Jamo and a few others", (t) => {
  const plain = /^[\p{L}\p{Mn}\p{Mc}\p{Nd}\x21-\x7e]+$/u;
  const jamoOrStretched = /[\u0640\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]/u;
  const differ = [...codePoints()].filter((char) => {
    const folded = localKey(char);
    if (/[\p{Cn}\p{Co}\p{Default_Ignorable_Code_Point}]/u.test(char) || jamoOrStretched.test(folded))
      return false;
    if (/[\0-\x7f]/.test(folded)) return false;
    // What Unicode 17 has assigned is no part of any key.
    if (/must hold only code points/.test(objectionToNew(`a${char}b@example.com`) ?? "")) return false;
    return isTaken(`a${char}b`) !== plain.test(folded);
  });
  // Repeating and tone marks and blanks are not; an ampersand, a word mark and zero of names are.
  const refused = "U+7FA U+302E U+302F U+3031 U+3032 U+3033 U+3034 U+3035 U+303B U+13441 U+13442 U+16FE4";
  const taken = "U+6FD U+6FE U+F0B U+F0C U+3007";
  t.deepEqual(differ.map(nameOf).sort(), [...refused.split(" "), ...taken.split(" ")].sort());
  for (const char of ["\u0640", "\u1100", "\u3131"]) t.false(isTaken(`a${char}b`), nameOf(char));
});

const contexts: readonly (readonly [what: string, taken: string, refused: string])[] = [
  ["ZWNJ stands between letters that join", "می\u200cخواهم", "ab\u200ccd"],
  ["ZWNJ stands behind a virama", "क्\u200cष", "क\u200cष"],
  ["ZWNJ keeps a letter from what follows", "अन्\u200cय", "अन्\u200c"],
  ["ZWJ ends a chillu", "അരുണ്\u200d", "അരുണ\u200d"],
  ["ZWJ stands behind a virama", "ශ්\u200dරී", "می\u200dخواهم"],
  ["A joiner joins within a part of the name", "आ.क्\u200dष", "क्.\u200dष"],
  ["A joiner may stand in what looks like an A-label", "xn--क्\u200dष", "xn--क\u200dष"],
  ["A middle dot stands between two l", "col·lecció", "cel·ecció"],
  ["A geresh stands behind Hebrew", "ג׳ורג", "a׳b"],
  ["A Katakana middle dot stands among Japanese", "ジョン・スミス", "a・b"],
  ["A Greek keraia stands before Greek", "͵α", "͵a"],
  ["Digits are of one set of Arabic", "علی۱۲", "علی۱٢"],
];
for (const [what, taken, refused] of contexts)
  test(`${what}, and nowhere else`, (t) => {
    t.is(objectionToNew(`${taken}@example.com`), undefined);
    t.regex(objectionToNew(`${refused}@example.com`) ?? "", /must not hold U\+[0-9A-F]{4} before the @/);
  });

test("no part of a local part begins with a combining mark, also when only folding shows it", (t) => {
  for (const local of ["\u0301ann", "ann.\u0301lee", "\uff9eann"]) t.false(isTaken(local), local);
  t.true(isTaken("a\u0301nn"));
});

// biome-ignore lint/suspicious/noTemplateCurlyInString: it is no template
const instructions = ["|ann", "-ann", "/ann", "#ann", "a%b", "a!b", "a`b", "a|b", "a${b}"];
test("what a mail server takes for an instruction is refused in full width, too", (t) => {
  for (const local of instructions) {
    t.false(isTaken(local), local);
    const wide = local.replaceAll(/[!-~]/g, (char) => String.fromCharCode(char.charCodeAt(0) + 0xfee0));
    t.false(isTaken(wide), wide);
  }
  for (const local of ["ann-lee", "a/b", "a#b", "a$b", "{ann}", "a&b", "ann+tag", "o'brien", "_ann"])
    t.true(isTaken(local), local);
});

test("a domain holds nothing that nobody can see", (t) => {
  for (const domain of ["a\u2800b.example", "a\u{13441}b.example", "xn--ab-10y.example"])
    t.regex(objectionToNew(`ann@${domain}`) ?? "", /invisible/, domain);
  for (const domain of ["i❤.ws", "نامه\u200cای.example", "bücher.example"])
    t.is(objectionToNew(`ann@${domain}`), undefined, domain);
});
