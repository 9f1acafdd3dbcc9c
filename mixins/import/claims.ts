/**
 * Which row of a file has what: addresses and ids, found again by a hash of 64 bits, so that millions of rows need no
 * more memory than some tables of numbers. It explains why a row is refused, and stands in for the directory where nothing
 * is written; the directory decides. Two texts of one hash are mistaken for one another once in some ten thousand files
 * of a million rows.
 */
const slotsInTable = 2 ** 20;
const fillMax = 0.75 * slotsInTable;
/** 32 MB; what comes after 3.1 million is no longer remembered. */
const tablesMax = 4;
/** Two numbers a slot: half of the hash, and the line, which is never 0. */
const slotSize = 2;

interface Table {
  readonly slots: Uint32Array;
  filled: number;
}

export interface Claims {
  /** The line that has claimed it; undefined: none has. */
  lineOf(text: string): number | undefined;
  /** The first one stays. */
  claim(text: string, line: number): void;
  /** It can remember no more. */
  readonly isFull: boolean;
}

/** Where in a table the hash is, or would be put. */
function slotOf({ slots }: Table, start: number, mark: number): number {
  let slot = start % slotsInTable;
  while (slots[slot * slotSize + 1] !== 0 && slots[slot * slotSize] !== mark)
    slot = (slot + 1) % slotsInTable;
  return slot * slotSize;
}

/**
 * 64 bits in two halves: rounds of multiplication over each code unit, then the finalizer of MurmurHash3, which spreads
 * every bit over all. Browsers have no digest that answers at once, and nobody but who made the file could gain by a
 * collision.
 */
function hashed(text: string): readonly [start: number, mark: number] {
  let [first, second] = [0xdeadbeef, 0x41c6ce57];
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    first = Math.imul(first ^ unit, 0x9e3779b1);
    second = Math.imul(second ^ unit, 0x5f356495);
    first = (first << 13) | (first >>> 19);
    second = (second << 17) | (second >>> 15);
  }
  const final = (half: number): number => {
    const mixed = Math.imul(half ^ (half >>> 16), 0x85ebca6b);
    const again = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (again ^ (again >>> 16)) >>> 0;
  };
  return [final(first ^ text.length), final(second + text.length)];
}

export function claims(): Claims {
  const tables: Table[] = [];
  const find = (start: number, mark: number): number | undefined => {
    for (const table of tables) {
      const line = table.slots[slotOf(table, start, mark) + 1];
      if (line !== undefined && line !== 0) return line;
    }
    return undefined;
  };
  const isFull = (): boolean => tables.length === tablesMax && (tables.at(-1)?.filled ?? 0) >= fillMax;
  return {
    lineOf: (text) => find(...hashed(text)),
    claim(text, line) {
      const [start, mark] = hashed(text);
      if (isFull() || find(start, mark) !== undefined) return;
      let table = tables.at(-1);
      if (table === undefined || table.filled >= fillMax) {
        table = { slots: new Uint32Array(slotsInTable * slotSize), filled: 0 };
        tables.push(table);
      }
      const slot = slotOf(table, start, mark);
      table.slots[slot] = mark;
      table.slots[slot + 1] = line;
      table.filled += 1;
    },
    get isFull() {
      return isFull();
    },
  };
}
