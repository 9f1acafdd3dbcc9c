/** The word that somebody may have meant. */
import leven from "leven";

const sharedStart = (one: string, other: string): number => {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
};

/**
 * Of those that are known, of which there is one at least, the one that takes the fewest changes; of several the one that
 * begins most alike (`hlep` is as far from `keep` as from `help`).
 */
export const nearest = (word: string, known: readonly string[]): string =>
  known.toSorted(
    (one, other) =>
      leven(word, one) - leven(word, other) || sharedStart(word, other) - sharedStart(word, one),
  )[0] ?? "";
