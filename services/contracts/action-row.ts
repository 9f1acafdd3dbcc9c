/** What a row of the table of actions is made of (actions.ts). */
import type * as z from "zod";
import type { PeerRole } from "./peers.ts";

/** Whether the same call may be made once more although nobody knows what became of it. */
type Repeat = "always" | "under its key" | "never";

/** Who may call it from another process; within its own any service may. */
export type Callers = readonly PeerRole[];

export const published = <P extends z.ZodType, R extends z.ZodType>(
  params: P,
  result: R,
  repeat: Repeat = "never",
) => ({
  params,
  result,
  repeat,
  visibility: "published" as const,
  callers: ["gateway", "operator"] as Callers,
});
export const internal = <P extends z.ZodType, R extends z.ZodType>(
  params: P,
  result: R,
  callers: Callers,
  repeat: Repeat = "never",
) => ({ params, result, repeat, visibility: "public" as const, callers });
