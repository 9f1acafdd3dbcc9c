/** Examples of how an installation stands. */
import type { Reconciliation } from "../../contracts/reconciliations.ts";
import type { Status } from "../../contracts/status.ts";
import { deadLetterCauses } from "./dead-letter-examples.ts";

export const begunReconciliation: Reconciliation = {
  id: "01997b44-1c20-7d11-8a4e-6f7a8b9c0d1e",
  kind: "pass",
  of: null,
  status: "running",
  startedAt: "2026-03-02T10:12:00.000Z",
  startedBy: "key:3mVb8TnYc1Lq",
  correlationId: "0d9b2a5c-6f0e-4b5e-9d57-1f3c2b4a5d6e",
  endedAt: null,
  error: null,
  report: null,
  acknowledgement: null,
};
const nothing = { count: 0, differences: [] };
export const reconciliation: Reconciliation = {
  ...begunReconciliation,
  status: "done",
  endedAt: "2026-03-02T10:12:41.000Z",
  report: {
    startedAt: begunReconciliation.startedAt,
    ms: 41_000,
    checked: 103_235,
    inFlight: 3,
    violations: {},
    differences: [],
    pending: nothing,
    acknowledged: nothing,
  },
};
export const acknowledgement = {
  userIds: ["01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11"],
  check: "audit_missing",
  reason: "The letter was discarded with the erasure, ticket 4711",
};

const figures = { active: 251_403, reserved: 2, deleted: 1_200, quarantined: 8_113 };
export const statusExample: Status = {
  version: "mV9fQf0nXb2W7q1Yt3kRzA",
  at: "2026-03-02T10:15:00.000Z",
  status: "up",
  checks: { users: { status: "up" }, "smtp-registry": { status: "up" } },
  outbox: { pending: 0, oldestAgeS: 0 },
  queues: [{ queue: "audit.user-events", messages: 0 }],
  circuit: "closed",
  deadLetters: { pending: 12, causes: deadLetterCauses.items },
  reconciliation: {
    ...{ id: reconciliation.id, kind: "pass", status: "done", startedBy: reconciliation.startedBy },
    startedAt: reconciliation.startedAt,
    endedAt: reconciliation.endedAt,
    violations: {},
  },
  users: { active: 100_204, deleted: 3_020, erased: 11, countedAt: "2026-03-02T10:14:58.000Z" },
  addresses: {
    ...figures,
    domains: [{ domain: "example.com", users: 100_204, ...figures }],
    domainsTotal: 1,
    countedAt: "2026-03-02T10:14:58.000Z",
  },
  unseen: [],
};
