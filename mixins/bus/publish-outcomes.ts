/** What a bus says of a message that it was to publish (port.ts). */
import type { PublishOutcome } from "./port.ts";

type Refusal = Extract<PublishOutcome, { status: "refused" }>;

export const confirmation = { status: "confirmed" } as const;
export const refusal = (reason: string, retryAfterMs?: number): Refusal => ({
  status: "refused",
  reason,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});
