/**
 * Promise: in this process, the writes of one user run one after another, in the order in which they came.
 *
 * Correctness does not need it, the version does that; but optimistic writers that all start at once repeat each
 * other's work: 40 writes of one user would cost up to 820 reservations instead of 40. A turn that comes too late is
 * refused by its own budget, so a queue never outlives it.
 */
export type InTurn = <T>(id: string, work: () => Promise<T>) => Promise<T>;

export function turns(): InTurn {
  const last = new Map<string, Promise<void>>();
  return async (id, work) => {
    const mine = (last.get(id) ?? Promise.resolve()).then(work);
    const over = mine.then(
      () => {},
      () => {},
    );
    last.set(id, over);
    try {
      return await mine;
    } finally {
      if (last.get(id) === over) last.delete(id);
    }
  };
}
