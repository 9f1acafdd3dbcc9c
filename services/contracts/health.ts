/** How a service, a process or the whole system is. */
import * as z from "zod";

export const Health = z
  .object({
    status: z.enum(["up", "down"]),
    checks: z.record(z.string(), z.object({ status: z.enum(["up", "down"]), detail: z.string().optional() })),
  })
  .meta({ id: "Health" });
export type Health = z.infer<typeof Health>;
