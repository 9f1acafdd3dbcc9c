/** How many of something each of several keys has in hand; a key without any costs nothing. */

export interface Occupancy {
  /** Returns how to leave again, which works once; undefined: the key has `max` already. */
  enter(key: string, max: number): (() => void) | undefined;
  readonly total: number;
}

export function occupancy(): Occupancy {
  const counts = new Map<string, number>();
  let total = 0;
  return {
    get total() {
      return total;
    },
    enter(key, max) {
      const count = counts.get(key) ?? 0;
      if (count >= max) return undefined;
      counts.set(key, count + 1);
      total += 1;
      let isIn = true;
      return () => {
        if (!isIn) return;
        isIn = false;
        total -= 1;
        const left = (counts.get(key) ?? 1) - 1;
        if (left === 0) counts.delete(key);
        else counts.set(key, left);
      };
    },
  };
}
