/** Waiting, bounded, for what the systems do by themselves. */
import { poll } from "../../../mixins/basics/poll.ts";
import { behind } from "./commits.ts";
import type { System } from "./systems.ts";

const pollMs = 100;
const drainMsMax = 300_000;

/** Rejects when it is not true in time. Seldom enough asked that asking costs nothing beside what is measured. */
export async function until(
  condition: () => Promise<boolean>,
  { msMax = drainMsMax, everyMs = pollMs, what = "the backlog does not drain" } = {},
): Promise<void> {
  if (!(await poll(condition, Boolean, { everyMs, maxMs: msMax })))
    throw new Error(`Cannot measure: ${what}`);
}

/** Every consumer has everything of the users from this id on, so that no round pays for the one before. */
export const drained = (system: System, fromId: string): Promise<void> =>
  until(async () => (await behind(system.place, fromId)) === 0, {
    what: `effects are missing in ${system.name}`,
  });
