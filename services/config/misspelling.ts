/**
 * Names in the environment that can only have been meant for us. A name is one of ours misspelt when it differs in case
 * or separators, in the order of its words, by our own name in front, by a missing last word, or by one slip of a key
 * in a word. A slip is a letter too many, too few, another one, or two exchanged; in a word of two letters another
 * letter makes another word (NODE_IP is nobody's NODE_ID). Two slips in one word are none: SMTP_PORT is not HTTP_PORT.
 */
const ownPrefix = "MAILROSTER_";
const wordsMinBesideLast = 2;

function isSlip(a: string, b: string): boolean {
  let start = 0;
  while (start < a.length && a[start] === b[start]) start += 1;
  let end = 0;
  const shorter = Math.min(a.length, b.length) - start;
  while (end < shorter && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  const isAnotherLetter = left.length === 1 && right.length === 1;
  if (isAnotherLetter) return a.length > 2;
  const isExchange = left.length === 2 && right.length === 2 && left[0] === right[1] && left[1] === right[0];
  return isExchange || left.length + right.length === 1;
}

function isMeantAs(name: string, known: string): boolean {
  const [words, knownWords] = [name.split("_"), known.split("_")];
  const hasSame = (one: readonly string[], other: readonly string[]) => one.join("_") === other.join("_");
  if (words.join("") === knownWords.join("") || hasSame(words.toSorted(), knownWords.toSorted())) return true;
  if (words.length >= wordsMinBesideLast && hasSame(words, knownWords.slice(0, -1))) return true;
  return (
    words.length === knownWords.length &&
    words.every((word, index) => {
      const knownWord = knownWords[index] ?? "";
      return word === knownWord || isSlip(word, knownWord);
    })
  );
}

/** The name that was meant, or undefined when it is none of ours. */
export function meantBy(name: string, known: readonly string[]): string | undefined {
  const plain = name.toUpperCase().replaceAll(/[-.]/g, "_");
  const own = plain.startsWith(ownPrefix) ? plain.slice(ownPrefix.length) : plain;
  return known.find((each) => each === own) ?? known.find((each) => isMeantAs(own, each));
}

/** A sentence for each name that is set and misspelt. */
export function misspellings(names: readonly string[], known: readonly string[]): string[] {
  return names.flatMap((name) => {
    if (known.includes(name)) return [];
    const meant = meantBy(name, known);
    if (meant !== undefined)
      return [`${name} is not a variable of mailroster and has no effect: ${meant} is`];
    const value = name.endsWith("_FILE") ? name.slice(0, -"_FILE".length) : undefined;
    return value !== undefined && known.includes(value)
      ? [`${name} has no effect: the value of ${value} can't come from a file`]
      : [];
  });
}
