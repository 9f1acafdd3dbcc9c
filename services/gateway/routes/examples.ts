/** The examples of the OpenAPI document: one user's life, so that they tell a story together. */
import type { ActionInput, CreatedUser, Health } from "../../contracts/actions.ts";
import type { ActivityPage } from "../../contracts/activity.ts";
import type { AuditPage } from "../../contracts/audit.ts";
import type { UserExport } from "../../contracts/erasure.ts";
import {
  type Change,
  dataschemas,
  eventSource,
  type FactType,
  type UserErased,
  type UserEventType,
  type UserFact,
  type UserState,
} from "../../contracts/events.ts";
import type { Trace, TraceVerdict } from "../../contracts/trace.ts";
import type { User } from "../../contracts/user.ts";
import type { UserPage } from "../../contracts/user-lists.ts";

/** Of the user whose life it is. */
export const id = "01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11";
const createdAt = "2026-03-02T09:30:00.000Z";
export const updatedAt = "2026-03-02T10:00:00.000Z";

export const createUser: ActionInput<"users.create"> = {
  displayName: "Ann Lee",
  primarySmtp: "ann.lee@example.com",
  secondarySmtps: ["ann@example.com"],
  externalId: "E-104711",
};
const firstState = {
  displayName: "Ann Lee",
  primarySmtp: "ann.lee2@example.com",
  secondarySmtps: ["ann@example.com"],
  externalId: "E-104711",
  active: true,
  userName: null,
  version: 1,
  updatedAt: createdAt,
};
export const createdUser: CreatedUser = {
  id,
  createdAt,
  ...firstState,
  requestedSmtp: "ann.lee@example.com",
  assignments: [
    {
      requested: "ann.lee@example.com",
      assigned: "ann.lee2@example.com",
      kind: "primary",
      reason: "active",
    },
  ],
};
export const user: User = {
  id,
  displayName: "Ann Chen",
  primarySmtp: "ann.chen@example.com",
  secondarySmtps: ["ann.lee2@example.com", "ann@example.com"],
  externalId: "E-104711",
  active: true,
  userName: null,
  version: 2,
  createdAt,
  updatedAt,
};
const deletedAt = "2026-03-02T10:30:00.000Z";
const restoredAt = "2026-03-02T10:45:00.000Z";
const moments: Partial<Record<UserEventType, { state: UserState; changes: Change[] }>> = {
  "user.created.v1": {
    state: { id, createdAt, ...firstState, deletedAt: null },
    changes: [{ field: "primarySmtp", from: null, to: "ann.lee2@example.com" }],
  },
  "user.updated.v1": {
    state: { ...user, deletedAt: null },
    changes: [{ field: "displayName", from: "Ann Lee", to: "Ann Chen" }],
  },
  "user.deleted.v1": {
    state: { ...user, version: 3, updatedAt: deletedAt, deletedAt },
    changes: [{ field: "deletedAt", from: null, to: deletedAt }],
  },
  "user.restored.v1": {
    state: { ...user, version: 4, updatedAt: restoredAt, deletedAt: null },
    changes: [{ field: "deletedAt", from: deletedAt, to: null }],
  },
};

const erasedAt = "2026-04-02T09:00:00.000Z";
const erased: UserErased = {
  specversion: "1.0",
  id: "01997b3a-0d10-7a52-8b7f-1f0c2d3e4f50",
  source: eventSource,
  type: "user.erased.v1",
  subject: id,
  time: erasedAt,
  datacontenttype: "application/json",
  dataschema: dataschemas["user.erased.v1"],
  correlationid: "3f1d5c1e-9d55-4a0a-8f5e-6f1b0a7e2c9d",
  sequence: 4,
  actor: "privacy-office",
  data: { deletedAt, erasedAt },
};
/** The event of that life that is of this type; undefined when it holds none. */
export function event(type: FactType): UserFact | undefined {
  if (type === "user.erased.v1") return erased;
  const moment = moments[type];
  if (moment === undefined) return undefined;
  const { state, changes } = moment;
  return {
    specversion: "1.0",
    id: "01997b3a-0d10-7a52-8b7f-1f0c2d3e4f50",
    source: eventSource,
    type,
    subject: id,
    time: state.updatedAt,
    datacontenttype: "application/json",
    dataschema: dataschemas[type],
    correlationid: "3f1d5c1e-9d55-4a0a-8f5e-6f1b0a7e2c9d",
    sequence: state.version,
    actor: "helpdesk",
    data: { user: state, changes },
  };
}
export const replaceUser = { displayName: "Ann Chen", primarySmtp: "ann.chen@example.com" };
export const patchUser = { primarySmtp: "ann.chen@example.com" };
export const erasureReason = { reason: "Request of 3 March, ticket 4711" };
export const userPage: UserPage = { items: [user], nextCursor: null };
export const auditPage: AuditPage = {
  items: [
    {
      id: "01997b3a-0d10-7a52-8b7f-1f0c2d3e4f50",
      at: updatedAt,
      action: "user.updated",
      userId: id,
      version: 2,
      actor: "helpdesk",
      correlationId: "3f1d5c1e-9d55-4a0a-8f5e-6f1b0a7e2c9d",
      changes: [{ field: "displayName", from: "Ann Lee", to: "Ann Chen" }],
    },
  ],
  nextCursor: null,
};
export const userExport: UserExport = {
  userId: id,
  exportedAt: "2026-03-03T08:00:00.000Z",
  user: { ...user, deletedAt: null },
  provisioned: null,
  erasure: null,
  addresses: [
    { version: 1, address: "ann.lee2@example.com", kind: "primary", state: "active", at: createdAt },
    { version: 2, address: "ann.chen@example.com", kind: "primary", state: "active", at: updatedAt },
  ],
  audit: auditPage.items,
  isComplete: true,
};
export const activityPage: ActivityPage = {
  items: [
    {
      id: "01997b40-6a10-7b31-8f0e-2d4c6b8a0e12",
      at: "2026-03-02T10:14:00.000Z",
      principal: "key:3mVb8TnYc1Lq",
      credential: "3mVb8TnYc1Lq",
      action: "dead-letters.discard",
      scope: "letters:write",
      target: { kind: "letter", id: "01997b3c-2b1e-7d0a-9c55-0a1b2c3d4e5f" },
      allowed: true,
      reason: "The user was removed by hand, ticket 4711",
      correlationId: "6c2a7e0b-58d1-4c60-9a3b-7d1f0e2c5b84",
    },
    {
      id: "01997b40-5d02-7c44-9a1d-3e5f7a9b1c23",
      at: "2026-03-02T10:13:56.000Z",
      principal: "key:7Hq2Zk0pXw4R",
      credential: "7Hq2Zk0pXw4R",
      action: "audit.list",
      scope: "audit:read",
      target: { kind: "client", id: "203.0.113.7" },
      allowed: false,
      reason: "lacks audit:read",
      correlationId: "e0b1c5d7-2f64-4f0a-8c39-4a6d8e0f2b17",
    },
  ],
  nextCursor: null,
};
const consumption = { state: "processed", duplicates: 0, failures: 0, error: null, letter: null } as const;
const side: Trace["writes"][number]["addresses"] = {
  users: {
    version: 2,
    addresses: [
      {
        key: "ann.chen@example.com",
        address: "ann.chen@example.com",
        kind: "primary",
        state: "active",
      },
    ],
  },
  registry: null,
  state: "agree",
};
const completeVerdict: TraceVerdict = {
  state: "complete",
  at: null,
  sinceS: null,
  says: "the change has arrived everywhere",
  action: "none",
  next: "nothing to do",
};
export const trace: Trace = {
  correlationId: "3f1d5c1e-9d55-4a0a-8f5e-6f1b0a7e2c9d",
  verdict: completeVerdict,
  total: 1,
  counts: { diverged: 0, stuck: 0, unknown: 0, "in flight": 0, complete: 1 },
  writes: [
    {
      request: { did: "PATCH /users/:id", actor: "helpdesk", idempotency: "no key", replays: 0 },
      transaction: {
        userId: id,
        version: 2,
        eventId: "01997b3a-0d10-7a52-8b7f-1f0c2d3e4f50",
        eventType: "user.updated.v1",
        changes: [{ field: "displayName", from: "Ann Lee", to: "Ann Chen" }],
      },
      outbox: {
        state: "published",
        writtenAt: updatedAt,
        publishedAt: "2026-03-02T10:00:00.004Z",
        attempts: 1,
        refusal: null,
        ageS: 60,
      },
      consumers: [
        { consumer: "smtp-registry", at: "2026-03-02T10:00:00.009Z", ...consumption },
        { consumer: "audit", at: "2026-03-02T10:00:00.008Z", ...consumption },
      ],
      addresses: { ...side, registry: side.users },
      verdict: completeVerdict,
    },
  ],
  replays: [],
  letters: [],
  unseen: [],
  nextCursor: null,
};
const up = { status: "up" } as const;
export const live: Health = { status: "up", checks: { process: up } };
export const ready: Health = {
  status: "up",
  checks: { trace: up, users: up, "dead-letters": up, outbox: up, audit: up, "smtp-registry": up },
};
