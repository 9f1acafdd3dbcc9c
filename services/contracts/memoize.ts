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
