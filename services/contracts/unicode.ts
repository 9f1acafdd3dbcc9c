/**
 * Which code points can be part of a key, and which of them anybody can see.
 *
 * The Unicode version that keys are made with: 16.0, the oldest of the runtimes we support (Node 22.18, Deno 2).
 *
 * A newer runtime knows more code points and more case pairs, so the same address could get two keys on two machines.
 * Unicode never changes the folding of a code point once it is assigned, so it is enough to refuse those assigned
 * later. When the oldest runtime moves on, drop the ranges; when a newer one comes, the test that compares the
 * runtimes names what to add.
 */

/** Assigned by Unicode 17.0 (DerivedAge.txt). */
const unicode17 =
  "\\u{88f}\\u{c5c}\\u{cdc}\\u{1acf}-\\u{1add}\\u{1ae0}-\\u{1aeb}\\u{20c1}\\u{2b96}\\u{a7ce}-\\u{a7cf}\\u{a7d2}\\u{a7d4}" +
  "\\u{a7f1}\\u{fbc3}-\\u{fbd2}\\u{fd90}-\\u{fd91}\\u{fdc8}-\\u{fdce}\\u{10940}-\\u{10959}\\u{10ec5}-\\u{10ec7}" +
  "\\u{10ed0}-\\u{10ed8}\\u{10efa}-\\u{10efb}\\u{11b60}-\\u{11b67}\\u{11db0}-\\u{11ddb}\\u{11de0}-\\u{11de9}" +
  "\\u{16ea0}-\\u{16eb8}\\u{16ebb}-\\u{16ed3}\\u{16ff2}-\\u{16ff6}\\u{187f8}-\\u{187ff}\\u{18d09}-\\u{18d1e}" +
  "\\u{18d80}-\\u{18df2}\\u{1ccfa}-\\u{1ccfc}\\u{1ceba}-\\u{1ced0}\\u{1cee0}-\\u{1cef0}\\u{1e6c0}-\\u{1e6de}" +
  "\\u{1e6e0}-\\u{1e6f5}\\u{1e6fe}-\\u{1e6ff}\\u{1f6d8}\\u{1f777}-\\u{1f77a}\\u{1f8d0}-\\u{1f8d8}\\u{1fa54}-\\u{1fa57}" +
  "\\u{1fa8a}\\u{1fa8e}\\u{1fac8}\\u{1facd}\\u{1faea}\\u{1faef}\\u{1fbfa}\\u{2b73a}-\\u{2b73f}\\u{2cea2}-\\u{2cead}" +
  "\\u{323b0}-\\u{33479}";

/** A code point that is unassigned, private, or newer than what keys are made with. */
export const unkeyable = new RegExp(`[\\p{Cn}\\p{Co}${unicode17}]`, "u");

/**
 * Assigned characters with an empty glyph that no property tells: the blank of Braille, a musical notehead, two
 * Egyptian hieroglyphs, a filler of Khitan.
 */
const blanks = "\\u{2800}\\u{1d159}\\u{13441}\\u{13442}\\u{16fe4}";
const showsNothing = `\\p{Default_Ignorable_Code_Point}${blanks}`;

/** What shows nothing. The join controls are no part of it: they show by what they do to the letters beside them. */
export const invisible = new RegExp(`(?!\\p{Join_Control})[${showsNothing}]`, "u");

/** What can be seen by itself: a letter, digit, punctuation mark or symbol, as a mark alone is not. */
export const visible = new RegExp(`(?![${showsNothing}])[\\p{L}\\p{N}\\p{P}\\p{S}]`, "u");
