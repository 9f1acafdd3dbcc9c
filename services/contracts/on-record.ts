/**
 * What is put on record beside the changes of users, which the audit log has, and those of keys, which stand in one
 * transaction with their record: what is read that others would not see, and what an operator does. No logic but what
 * an entry says of a call.
 */
import type { Scope } from "./access.ts";
import type { ActionName, ActionParams } from "./actions.ts";
import type { ActivityTarget, TargetKind } from "./activity.ts";

interface Row<N extends ActionName> {
  /** `read`: on record before it is answered, or it is not answered. `deed`: once it is done. */
  readonly way: "read" | "deed";
  readonly scope: Scope;
  /** Absent: each call. */
  readonly when?: (params: ActionParams<N>) => boolean;
  /** An entry for each; none: one without. `here`: the id of the process. */
  readonly targets?: (params: ActionParams<N>, here: string) => readonly ActivityTarget[];
  readonly reason?: (params: ActionParams<N>, here: string) => string | undefined;
  /** The answer shows people to those who may see them, and is masked for others: which of both is the reason. */
  readonly showsPeople?: true;
}

const target = (kind: TargetKind, id: string | undefined): readonly ActivityTarget[] =>
  id === undefined ? [] : [{ kind, id }];
const users = (ids: readonly string[] = []): readonly ActivityTarget[] =>
  ids.flatMap((id) => target("user", id.toLowerCase()));

export const onRecord: { readonly [N in ActionName]?: Row<N> } = {
  "audit.list": {
    way: "read",
    scope: "audit:read",
    targets: ({ userId, correlationId }) => [
      ...target("user", userId?.toLowerCase()),
      ...target("request", correlationId),
    ],
  },
  "access.activity": { way: "read", scope: "activity:read" },
  "smtp-registry.lookup": {
    way: "read",
    scope: "addresses:history",
    when: ({ at }) => at !== undefined,
    targets: ({ address }) => target("address", address),
  },
  "smtp-registry.history": {
    way: "read",
    scope: "addresses:history",
    targets: ({ address }) => target("address", address),
  },
  "users.list": {
    way: "read",
    scope: "users:search",
    when: ({ q }) => q !== undefined,
    targets: ({ q }) => target("search", q),
  },
  "users.export": {
    way: "read",
    scope: "users:export",
    targets: ({ id }) => users([id]),
  },
  "users.erase": {
    way: "deed",
    scope: "users:erase",
    targets: ({ id }) => users([id]),
    reason: ({ reason }) => reason,
  },
  "users.release": {
    way: "deed",
    scope: "addresses:release",
    targets: ({ address }) => target("address", address),
    reason: ({ reason }) => reason,
  },
  "dead-letters.get": {
    way: "read",
    scope: "letters:payload",
    targets: ({ id }) => target("letter", id),
    showsPeople: true,
  },
  "trace.explain": {
    way: "read",
    scope: "trace:read",
    targets: ({ correlationId }) => target("request", correlationId),
    showsPeople: true,
  },
  "dead-letters.replay": {
    way: "deed",
    scope: "letters:write",
    targets: ({ id }) => target("letter", id),
  },
  "dead-letters.replay-cause": {
    way: "deed",
    scope: "letters:write",
    targets: ({ cause }) => target("cause", cause),
    reason: ({ max, failedBefore }) =>
      `at most ${max} letters${failedBefore === undefined ? "" : ` that failed before ${failedBefore}`}`,
  },
  "dead-letters.discard": {
    way: "deed",
    scope: "letters:write",
    targets: ({ id }) => target("letter", id),
    reason: ({ reason }) => reason,
  },
  "reconciler.begin": { way: "deed", scope: "reconciliation:write" },
  "reconciler.begin-repair": {
    way: "deed",
    scope: "reconciliation:write",
    targets: ({ userIds }) => users(userIds),
  },
  "reconciler.begin-acknowledgement": {
    way: "deed",
    scope: "reconciliation:write",
    targets: ({ userIds }) => users(userIds),
    reason: ({ check, reason }) => `${check}: ${reason}`,
  },
  "reconciler.repair": {
    way: "deed",
    scope: "reconciliation:write",
    targets: ({ userIds }) => users(userIds),
  },
  "reconciler.acknowledge": {
    way: "deed",
    scope: "reconciliation:write",
    targets: ({ userIds }) => users(userIds),
    reason: ({ check, reason }) => `${check}: ${reason}`,
  },
  "reconciler.release": {
    way: "deed",
    scope: "reconciliation:write",
    targets: ({ userId }) => users([userId]),
    reason: ({ reason }) => reason,
  },
  "reconciler.restore": {
    way: "deed",
    scope: "reconciliation:write",
    targets: ({ userId }) => users([userId]),
    reason: ({ reason }) => reason,
  },
  "reconciler.decide": {
    way: "deed",
    scope: "reconciliation:write",
    reason: ({ reason }) => reason,
  },
  "users.generation": { way: "deed", scope: "reconciliation:write" },
  "domains.declare": {
    way: "deed",
    scope: "domains:write",
    targets: ({ domain }) => target("domain", domain),
  },
  "domains.remove": {
    way: "deed",
    scope: "domains:write",
    targets: ({ domain }) => target("domain", domain),
  },
  "ops.log-level": {
    way: "deed",
    scope: "operations:write",
    when: ({ level }) => level !== undefined,
    targets: (_params, here) => target("process", here),
    reason: ({ level, minutes }) => `${level}${minutes === undefined ? "" : ` for ${minutes} minutes`}`,
  },
  "fault.set": {
    way: "deed",
    scope: "operations:write",
    targets: ({ action }) => target("action", action),
    reason: ({ delayMs, jitterMs, errorRate }, here) =>
      `${delayMs} to ${delayMs + jitterMs} ms, ${errorRate} fail, in ${here}`,
  },
  "fault.clear": {
    way: "deed",
    scope: "operations:write",
    targets: ({ action }) => target("action", action),
    reason: (_params, here) => `in ${here}`,
  },
};
