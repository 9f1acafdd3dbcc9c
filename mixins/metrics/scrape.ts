/**
 * Promise: what is measured only when somebody asks is at most `freshMs` old; a source that does not answer within
 * `waitMs` holds up no exposition, and shows nothing: an old figure would hide that it can't be measured.
 */
import { within } from "../basics/pause.ts";

const freshMs = 1_000;
/** Above the time that a health check may take, far below Prometheus's 10 s for a scrape. */
const waitMs = 2_000;

export interface ScrapeSource {
  /** Resolves with what shows the figures; they are set only when all of them are there. */
  measure(): Promise<() => void> | (() => void);
  /** Takes the figures away. */
  forget(): void;
}

interface Watched {
  readonly source: ScrapeSource;
  shownAt: number;
  running: Promise<void> | undefined;
}

async function measure(watched: Watched, isWatched: () => boolean, monotonicMs: () => number): Promise<void> {
  try {
    const show = await watched.source.measure();
    if (!isWatched()) return;
    show();
    watched.shownAt = monotonicMs();
  } catch {
    // Its absence is what an alert looks at; why is told by whoever works with that dependency.
    watched.source.forget();
  }
}

/** Sources are asked beside each other, each by one exposition at a time. */
export function scrapeSources(monotonicMs: () => number = () => performance.now()) {
  const all = new Set<Watched>();

  async function refresh(watched: Watched): Promise<void> {
    if (monotonicMs() - watched.shownAt < freshMs) return;
    watched.running ??= measure(watched, () => all.has(watched), monotonicMs).finally(() => {
      watched.running = undefined;
    });
    await within(waitMs, "too late", watched.running).catch(() => watched.source.forget());
  }

  return {
    /** Returns how to end it, which takes its figures away. */
    add(source: ScrapeSource): () => void {
      const watched: Watched = { source, shownAt: Number.NEGATIVE_INFINITY, running: undefined };
      all.add(watched);
      return () => {
        if (all.delete(watched)) source.forget();
      };
    },
    /** Never rejects. */
    refresh: async (): Promise<void> => void (await Promise.all([...all].map(refresh))),
  };
}
