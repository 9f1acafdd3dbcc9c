/** The row of what writes of many users would do. */
import type { ActionInput } from "../../contracts/actions.ts";
import { CheckUsers, type UserCheck, UserChecks } from "../../contracts/user-checks.ts";
import * as example from "./examples.ts";
import { bodyProblems, jsonAlone, type Operation, to } from "./operation.ts";
import { body } from "./user-target.ts";

const wanted = { displayName: "Ann Chen", primarySmtp: "ann.chen@example.com" };
const namesake = { displayName: "Ann Chen", primarySmtp: "ann.lee2@example.com" };
const nothing = { userId: null, version: null, patch: null, reasons: [] };
const checks: UserCheck[] = [
  { ...nothing, outcome: "unchanged", userId: example.user.id, version: example.user.version },
  {
    ...nothing,
    outcome: "refused",
    reasons: [
      {
        pointer: "#/primarySmtp",
        detail: "is not available: it is active",
        conflict: { address: namesake.primarySmtp, status: "active", userId: example.user.id },
      },
    ],
  },
];

export const checkOperations: readonly Operation[] = [
  {
    id: "checkUsers",
    method: "POST",
    path: "/users/checks",
    tag: "users",
    scope: "users:write",
    summary: "What writes of many users would do",
    description:
      "Changes nothing and leaves nothing behind. Each user is created, found unchanged, changed by the patch that is told, created under another address, or refused for the reasons given; the write decides anew. Addresses are added by it, never taken away.",
    target: to("users.check", (parts) => parts.body as ActionInput<"users.check">),
    query: {},
    ...body(CheckUsers, jsonAlone, { users: [wanted, namesake] }),
    status: 200,
    answer: { schema: UserChecks, example: { items: checks } },
    problems: bodyProblems,
  },
];
