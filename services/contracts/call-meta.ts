/** What a call carries beside its parameters. No logic. */
import type { Principal } from "./access.ts";

/** What travels with every call. */
export interface CallMeta {
  correlationId?: string;
  traceparent?: string;
  /** Who asks; absent where the system asks by itself. */
  user?: Principal | null;
  /** `user.id`, or who else begins something by a name of its own: the audit log's. */
  actor?: string;
  /** For whom the actor says to act, where it may say so. */
  onBehalfOf?: string;
  idempotencyKey?: string;
  /** Set by the callee when the answer is the stored one of an earlier request. */
  idempotentReplayed?: boolean;
}
