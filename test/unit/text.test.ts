/** Texts that people write for people. */
import test from "ava";
import { DiscardReason } from "../../services/contracts/dead-letters.ts";
import { DisplayName, NewDisplayName } from "../../services/contracts/user.ts";

const isTaken = (text: string): boolean => NewDisplayName.safeParse(text).success;

test("of all code points none is a name alone that nobody can see", (t) => {
  const taken: string[] = [];
  for (let code = 0; code <= 0x10ffff; code += 1) {
    // A machine under load has no time for all of the empty planes.
    if (code >= 0x34000 && (code & 0xffff) >= 0x200) continue;
    const char = String.fromCodePoint(code);
    if (/[\p{C}\p{Z}\p{M}\p{Default_Ignorable_Code_Point}\u2800]/u.test(char) && isTaken(char))
      taken.push(code.toString(16));
  }
  t.deepEqual(taken.slice(0, 20), []);
});

test("line separators, controls of direction and noncharacters are in no new name or reason, wherever they stand", (t) => {
  for (const char of "\n\u0085\u2028\u2029\u061c\u200e\u200f\u202a\u202e\u2066\u2069\ufdd0\u{1fffe}")
    for (const text of [`Ann${char}Lee`, `${char}Ann Lee`, `Ann Lee${char}`]) {
      // A line break around a name is space, and is dropped; Unicode's separators are nobody's typing error.
      const isSpace = /[\n]/.test(char) && text.trim() === "Ann Lee";
      t.is(NewDisplayName.safeParse(text).success, isSpace, JSON.stringify(text));
      t.is(DiscardReason.safeParse(text).success, isSpace, JSON.stringify(text));
    }
});

test("a name keeps what its writing needs", (t) => {
  const names = [
    "می\u200cخواهم",
    "葛\u{e0100}城",
    "👩\u200d💻",
    "❤\ufe0f",
    "Ann\u00adLee",
    "ᠮᠣᠩᠭᠣᠯ\u180e",
    "O’Brien",
    "—",
  ];
  for (const name of names) t.is(NewDisplayName.parse(name), name);
  t.is(NewDisplayName.parse("  Ann Lee\u00a0\n"), "Ann Lee");
});

test("a name that was taken before is still a user's name", (t) => {
  for (const name of ["\u200b", "\u2800", "\u0301", "Ann\u2028Lee", "\u202eAnn"])
    t.is(DisplayName.parse(name), name);
});
