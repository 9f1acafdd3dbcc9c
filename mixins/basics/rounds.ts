/** Work that comes back for as long as its service runs. */
import type { ServiceBroker } from "moleculer";
import type { Mixin } from "./mixin.ts";

/**
 * The first round comes `firstMs` after `started`, each other as long after the end of the one before as that resolved
 * with, in milliseconds; so never two at a time. `stopped` awaits the one under way. `round` must not reject. The timer
 * keeps no process alive.
 */
export function rounds(firstMs: () => number, round: (broker: ServiceBroker) => Promise<number>): Mixin {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;
  const schedule = (broker: ServiceBroker, ms: number): void => {
    const begin = (): void => {
      running = round(broker).then((nextMs) => {
        if (!stopped) schedule(broker, nextMs);
      });
    };
    timer = setTimeout(begin, ms).unref();
  };
  return {
    started(this: { readonly broker: ServiceBroker }) {
      stopped = false;
      schedule(this.broker, firstMs());
    },
    async stopped() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
