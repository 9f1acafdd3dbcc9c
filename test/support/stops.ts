/** What has been started and must be stopped, last first, whatever happens to the run. */

type Stop = () => Promise<unknown>;

const startMsMax = 60_000;

export class Stops {
  readonly #stops = new Set<Stop>();
  readonly #starting = new Set<Promise<unknown>>();

  /** Remembers how to stop something; what it returns does so once, and forgets it. */
  add(stop: Stop): () => Promise<void> {
    let stopping: Promise<unknown> | undefined;
    const once: Stop = () => {
      stopping ??= stop().finally(() => this.#stops.delete(once));
      return stopping;
    };
    this.#stops.add(once);
    return async () => void (await once());
  }

  /** What is being started can't be stopped yet: the end waits for it. */
  async starting<T>(start: Promise<T>): Promise<T> {
    this.#starting.add(start);
    try {
      return await start;
    } finally {
      this.#starting.delete(start);
    }
  }

  /** Never rejects: the first thing that will not stop must not keep the others. Resolves with what went wrong. */
  async all(): Promise<unknown[]> {
    const faults: unknown[] = [];
    const late = new Promise((resolve) => setTimeout(resolve, startMsMax).unref());
    await Promise.race([Promise.allSettled(this.#starting), late]);
    for (const stop of [...this.#stops].reverse()) await stop().catch((error: unknown) => faults.push(error));
    return faults;
  }
}
