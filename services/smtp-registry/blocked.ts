/** The local parts that no user can ever take. Compared by conflict key, so `POSTMASTER` is blocked too. Pure. */
import { localKey } from "../contracts/local-key.ts";

export interface BlockedNames {
  /** Whether a conflict key belongs to nobody. */
  has(key: string): boolean;
  /**
   * How the numbers begin that nobody is given after a stem (the beginning of a local part's key), because a blocked
   * name would come of it or one with nothing but digits behind it: `postmaster2` is taken for the postmaster by whoever
   * reads it. The empty text: each of them.
   */
  numbersAfter(keyStem: string): string[];
}

const isDigits = (text: string): boolean => /^\d*$/.test(text);

export function blockedNames(localParts: readonly string[]): BlockedNames {
  const names = new Set(localParts.map(localKey));
  return {
    has: (key) => names.has(key.slice(0, key.lastIndexOf("@"))),
    numbersAfter(keyStem) {
      const beginnings = [...names].flatMap((name) => {
        if (keyStem.startsWith(name)) return isDigits(keyStem.slice(name.length)) ? [""] : [];
        return name.startsWith(keyStem) && isDigits(name.slice(keyStem.length))
          ? [name.slice(keyStem.length)]
          : [];
      });
      return beginnings.includes("") ? [""] : beginnings;
    },
  };
}
