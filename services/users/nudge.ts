/**
 * Promise: after a commit the relay is woken, and nothing that happens to this wake-up reaches the write. The relay's
 * own poll is the safety net.
 *
 * One call is under way at a time, and one more follows for all commits meanwhile: a nudge per commit cost 13 % of the
 * creates under load.
 */
import { callAction } from "../../mixins/platform.ts";

const nudgeTimeoutMs = 1_000;

export function relayNudge(caller: Parameters<typeof callAction>[0]): () => void {
  let wanted = false;
  let running = false;
  const run = async (): Promise<void> => {
    running = true;
    while (wanted) {
      wanted = false;
      try {
        await callAction(caller, "outbox.nudge", {}, { timeout: nudgeTimeoutMs });
      } catch {
        // No relay within reach: it finds the row by its next poll, or when it comes back.
      }
    }
    running = false;
  };
  return () => {
    wanted = true;
    if (!running) void run();
  };
}
