/** Promise: whoever scrapes sees how much of a pool is in use and who waits for a connection, without a statement. */
import type { Pool } from "pg";
import type { Metrics } from "../metrics/metrics.ts";
import type { ConnectionBudget } from "./connection-budget.ts";

export interface PoolWatch {
  readonly applicationName: string;
  readonly poolMax: number;
  readonly metrics?: Pick<Metrics, "onScrape" | "poolConnections" | "poolSize" | "commitsWaiting">;
}

const poolStates = ["used", "idle", "waiting"] as const;
const prefix = /^mailroster-/;

/** Shows one pool from `watch` to `end`; nothing without metrics. */
export function poolFigures({ applicationName, poolMax, metrics }: PoolWatch, budget: ConnectionBudget) {
  const pool = applicationName.replace(prefix, "");
  let ended: () => void = () => {};
  const show = (figures: Record<(typeof poolStates)[number], number>): void => {
    metrics?.poolSize.set({ pool }, poolMax);
    metrics?.commitsWaiting.set({ pool }, budget.commitsWaiting);
    for (const state of poolStates) metrics?.poolConnections.set({ pool, state }, figures[state]);
  };
  return {
    watch(connections: Pool): void {
      ended();
      ended =
        metrics?.onScrape({
          measure() {
            const { totalCount, idleCount: idle, waitingCount } = connections;
            // For a moment each caller waits, also when there is a connection for it, and the scrape's own statements are
            // just at that moment: whoever is served at once is not waiting.
            const free = idle + Math.max(0, poolMax - totalCount);
            const waiting = Math.max(0, waitingCount - free) + budget.waiting;
            return () => show({ used: totalCount - idle, idle, waiting });
          },
          forget() {
            metrics.poolSize.remove({ pool });
            metrics.commitsWaiting.remove({ pool });
            for (const state of poolStates) metrics.poolConnections.remove({ pool, state });
          },
        }) ?? ended;
    },
    end: (): void => ended(),
  };
}
