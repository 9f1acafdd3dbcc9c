/** Calls with the types of the contract. */
import type { Context, ServiceBroker } from "moleculer";
import type {
  ActionInput,
  ActionName,
  ActionParams,
  ActionResult,
  CallMeta,
} from "../../services/contracts/actions.ts";

/** The context of one action's handler. */
export type ActionContext<N extends ActionName> = Context<ActionParams<N>, CallMeta>;

interface Caller {
  call: ServiceBroker["call"];
}

export interface CallOptions {
  /** Rejects with a RequestTimeoutError after this; the callee goes on. */
  readonly timeout?: number;
  readonly meta?: CallMeta;
  /** Only this process may answer. */
  readonly nodeID?: string;
}

/** `ctx.call` or `broker.call` with the types of the contract. */
export const callAction = <N extends ActionName>(
  caller: Caller,
  name: N,
  params: ActionInput<N>,
  options: CallOptions = {},
): Promise<ActionResult<N>> =>
  (caller.call as (name: string, params: unknown, options: unknown) => Promise<unknown>)(
    name,
    params,
    options,
  ) as Promise<ActionResult<N>>;
