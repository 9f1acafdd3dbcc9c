/** Promise: whoever scrapes sees which keys end soon without a successor, and how many are good for an emergency. */
import type { Metrics } from "../../mixins/metrics/metrics.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { ApiKeyRow } from "./entities.ts";

/** Of keys that end later nobody needs to be told yet. */
const soonDays = 31;
const dayMs = 86_400_000;
/** Names become labels, so there must not be many. */
const namesMax = 20;

interface Living {
  readonly name: string;
  readonly expiresAt: Date;
  readonly breakGlass: boolean;
}

/** When the last key of each name ends, of those that end soon, the first to end first; emergencies end by themselves. */
function endsOf(living: readonly Living[], now: Date): (readonly [string, number])[] {
  const lasting = living.filter(({ breakGlass }) => !breakGlass);
  return [...Map.groupBy(lasting, ({ name }) => name)]
    .map(([name, keys]) => {
      const last = Math.max(...keys.map(({ expiresAt }) => expiresAt.getTime()));
      return [name, (last - now.getTime()) / 1_000] as const;
    })
    .filter(([, seconds]) => seconds < (soonDays * dayMs) / 1_000)
    .toSorted(([, one], [, other]) => one - other)
    .slice(0, namesMax);
}

/** Returns how to end it. */
export function showKeys(
  db: Database,
  now: () => Date,
  metrics: Pick<Metrics, "keyExpires" | "breakGlassKeys" | "onScrape">,
): () => void {
  return metrics.onScrape({
    async measure() {
      const at = now();
      const where = { revokedAt: null, expiresAt: { $gt: at } };
      const living = await db.read((em) =>
        em.find(ApiKeyRow, where, { fields: ["name", "expiresAt", "breakGlass"] }),
      );
      return () => {
        metrics.keyExpires.reset();
        for (const [name, seconds] of endsOf(living, at)) metrics.keyExpires.set({ name }, seconds);
        metrics.breakGlassKeys.set(living.filter(({ breakGlass }) => breakGlass).length);
      };
    },
    forget() {
      metrics.keyExpires.reset();
      metrics.breakGlassKeys.remove();
    },
  });
}
