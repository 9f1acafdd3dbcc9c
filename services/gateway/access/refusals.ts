/**
 * Promise: whoever was not let in stands on record, and who may not do what they asked for; once a minute for each address
 * and reason, caller and scope, or caller and user, so that nobody fills the record by asking. Never a token, and nothing of the request
 * but what it asked for.
 */
import type { IncomingMessage } from "node:http";
import type { ActivityLog } from "../../../mixins/activity-log.ts";
import { anonymous } from "../../../mixins/context/correlation.ts";
import { clientOf } from "../../../mixins/http/client-address.ts";
import type { Principal, Scope } from "../../contracts/access.ts";
import type { ActivityTarget } from "../../contracts/activity.ts";
import { Refusal } from "../../contracts/errors.ts";
import type { WebRequest } from "../http/exchange.ts";
import type { Operation } from "../routes/operation.ts";

export interface Refusals {
  /** 401, and why nobody could be told. */
  unauthenticated(req: WebRequest, operation: Operation, why: string): void;
  /** 403 for want of a scope. */
  forbidden(req: WebRequest, operation: Operation, user: Principal, scope: Scope): void;
  /** What a service has answered, when it refuses for the caller's domains or rights. */
  byService(req: WebRequest, operation: Operation, error: unknown): void;
}

const isForRights = (error: unknown): error is Refusal =>
  error instanceof Refusal && (error.type === "forbidden" || error.data.isOutside === true);

/** Whom the path names, of what is about users. */
function userOf({ exchange }: WebRequest, { tag }: Operation): ActivityTarget | null {
  const { id } = exchange.pathParams;
  return tag === "users" && id !== undefined ? { kind: "user", id: id.toLowerCase() } : null;
}

const isScope = (scope: Operation["scope"]): scope is Scope => scope !== "public" && scope !== "documents";

const actionOf = ({ target }: Operation): string =>
  "action" in target ? target.action : `gateway.${target.local}`;

export function refusals(
  activity: Pick<ActivityLog, "noteOnce">,
  isTrustedProxy: (address: string) => boolean,
): Refusals {
  const targetOf = (req: IncomingMessage) =>
    ({ kind: "client", id: clientOf(req, isTrustedProxy).address }) as const;
  return {
    unauthenticated(req, operation, why) {
      const { correlationId } = req.exchange.correlation;
      const target = targetOf(req);
      activity.noteOnce(`401 ${target.id} ${why}`, {
        principal: anonymous,
        action: actionOf(operation),
        target,
        allowed: false,
        reason: why,
        correlationId,
      });
    },
    forbidden(req, operation, user, scope) {
      const { correlationId } = req.exchange.correlation;
      activity.noteOnce(`403 ${user.id} ${operation.id} ${scope}`, {
        principal: user.id,
        credential: user.credential ?? null,
        action: actionOf(operation),
        scope,
        target: targetOf(req),
        allowed: false,
        reason: `lacks ${scope}`,
        correlationId,
      });
    },
    byService(req, operation, error) {
      const { user } = req.$ctx.meta;
      if (user === undefined || user === null || !isForRights(error)) return;
      const target = userOf(req, operation);
      activity.noteOnce(`service ${user.id} ${operation.id} ${target?.id}`, {
        principal: user.id,
        credential: user.credential ?? null,
        action: actionOf(operation),
        scope: isScope(operation.scope) ? operation.scope : null,
        target,
        allowed: false,
        reason: error.message,
        correlationId: req.exchange.correlation.correlationId,
      });
    },
  };
}
