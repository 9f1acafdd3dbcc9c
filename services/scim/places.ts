/**
 * How many users there are, and where every so many begin, so that a page far behind is not counted off from the first.
 *
 * Promise: what is told is at most `placesAgeMsMax` old, and whoever asks within that time shares one count: a client that
 * reads 100,000 users asks a thousand times, and each count walks all of an index.
 */
export const placesAgeMsMax = 2_000;
/** Sets of domains of which places are kept; more are counted each time. */
const keptMax = 100;

export interface Places {
  readonly total: number;
  /** The ids of every `step`th user, in order. */
  readonly marks: readonly string[];
}

interface Kept {
  readonly begunAtMs: number;
  readonly places: Promise<Places>;
}

/** Of users with an address in these; undefined: of everybody. */
export type Domains = readonly string[] | undefined;

export function placesKept(
  count: (domains: Domains) => Promise<Places>,
  nowMs: () => number,
): (domains: Domains) => Promise<Places> {
  const kept = new Map<string, Kept>();
  return (domains) => {
    const key = JSON.stringify(domains ?? null);
    const there = kept.get(key);
    const begunAtMs = nowMs();
    if (there !== undefined && begunAtMs - there.begunAtMs < placesAgeMsMax) return there.places;
    if (kept.size >= keptMax) kept.clear();
    const places = count(domains);
    kept.set(key, { begunAtMs, places });
    // A failure is nothing to be told again.
    places.catch(() => kept.delete(key));
    return places;
  };
}
