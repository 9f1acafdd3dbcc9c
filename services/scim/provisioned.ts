/**
 * One write of a user for a client of SCIM, made of what is read for it: who was overtaken reads again, at most
 * `attemptsMax` times, unless the client has named a version. A repeat under an idempotency key is one by the request of
 * SCIM, for what is asked of users depends on what is found.
 */
import { fingerprintOf, type Idempotency } from "../../mixins/idempotency.ts";
import { type ActionContext, callAction } from "../../mixins/moleculer/calls.ts";
import type { ActionName, ActionParams, ActionResult } from "../contracts/actions.ts";
import { Refusal, Unavailable } from "../contracts/errors.ts";
import type { Document } from "./mapping.ts";
import { asScimRefusal, type RefusalDeps } from "./refusals.ts";

const attemptsMax = 5;
/** Another write came between what was read and this one. */
const overtaken: readonly string[] = ["version-mismatch", "not-deleted"];

export interface ProvisionDeps extends RefusalDeps {
  readonly keys: Pick<Idempotency, "run">;
}

export type Order = Omit<ActionParams<"users.provision">, "request">;
export type WriteContext = ActionContext<"scim.create" | "scim.replace" | "scim.patch">;

/** What a write asks of users. */
export interface Planned {
  readonly order: Order;
  readonly said: Document;
  /** The client has named the version: it is told that another came between. */
  readonly isFixed: boolean;
}

export interface Written {
  readonly answer: ActionResult<"users.provision">;
  /** undefined: the answer is the first one's, of a repeat. */
  readonly said: Document | undefined;
}

/** Throws what `plan` throws, and what users refuses in the words of SCIM. */
export async function provisioned(
  deps: ProvisionDeps,
  ctx: WriteContext,
  action: ActionName,
  plan: () => Promise<Planned>,
): Promise<Written> {
  const { params, meta } = ctx;
  const request = meta.idempotencyKey === undefined ? undefined : fingerprintOf(action, params);
  let said: Document | undefined;
  const attempt = async (): Promise<Written["answer"] | undefined> => {
    const planned = await plan();
    try {
      const answer = await callAction(ctx, "users.provision", {
        ...planned.order,
        ...(request && { request }),
      });
      said = planned.said;
      return answer;
    } catch (error) {
      const isOvertaken = error instanceof Refusal && overtaken.includes(error.type);
      if (isOvertaken && !planned.isFixed) return undefined;
      throw error;
    }
  };
  const work = async (): Promise<Written["answer"]> => {
    for (let tried = 1; tried <= attemptsMax; tried += 1) {
      const answer = await attempt();
      if (answer !== undefined) return answer;
    }
    throw new Unavailable("users", "Others change this user all the time");
  };
  try {
    // users keeps the answer in the write's own transaction, under the same request.
    const call = { action: "users.provision", params: { request }, meta };
    return { answer: await deps.keys.run(call, work), said };
  } catch (error) {
    throw await asScimRefusal(deps, error);
  }
}
