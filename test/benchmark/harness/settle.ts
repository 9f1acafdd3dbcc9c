/** Between two rounds: every consumer has everything, so that one round does not pay for the one before. */
import { eventually } from "../../support/eventually.ts";
import { behind } from "./commits.ts";
import type { Servers } from "./servers.ts";
import type { System } from "./systems.ts";

const drainTimeoutMs = 300_000;

/** Resolves with the milliseconds that the consumers were behind. */
export async function drained(servers: Servers, system: System): Promise<number> {
  const startedAt = performance.now();
  await eventually(
    async () => {
      const count = await behind(servers, system.place);
      if (count !== 0) throw new Error(`${system.name}: ${count} effects are missing`);
    },
    { timeoutMs: drainTimeoutMs },
  );
  return performance.now() - startedAt;
}
