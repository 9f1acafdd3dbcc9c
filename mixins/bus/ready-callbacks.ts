/** Promise: each is told when its bus can publish again; what one of them throws is logged, and hinders no other. */
import type { Logger } from "../log/logging.ts";

export class ReadyCallbacks {
  readonly #log: Logger;
  readonly #callbacks = new Set<() => void>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Returns how to stop that. */
  add(callback: () => void): () => void {
    this.#callbacks.add(callback);
    return () => void this.#callbacks.delete(callback);
  }

  tell(): void {
    for (const callback of [...this.#callbacks]) {
      try {
        callback();
      } catch (err) {
        this.#log.error({ err }, "Bus callback failed");
      }
    }
  }
}
