/** The row of what is on record. */

import type { ActionInput } from "../../contracts/actions.ts";
import { ActivityPage, ListActivity } from "../../contracts/activity.ts";
import * as example from "./examples.ts";
import { type Operation, to } from "./operation.ts";

export const activityOperations: readonly Operation[] = [
  {
    id: "listActivity",
    method: "GET",
    path: "/activity",
    tag: "activity",
    scope: "activity:read",
    summary: "Who did, read or was refused what",
    description:
      "Newest first; nextCursor, when it is not null, fetches the next page. On record are refusals, changes of keys, what an operator did, and who read the audit log, the past of an address, a dead letter, a trace, this list, or searched. The changes of users are in the audit log.",
    target: to("access.activity", ({ query }) => query as ActionInput<"access.activity">),
    query: ListActivity.shape,
    status: 200,
    answer: { schema: ActivityPage, example: example.activityPage },
    problems: [],
  },
];
