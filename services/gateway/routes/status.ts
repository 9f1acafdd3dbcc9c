/** The row of how an installation stands. */
import { Status } from "../../contracts/status.ts";
import { type Operation, to } from "./operation.ts";
import { statusExample } from "./status-examples.ts";

export const statusOperations: readonly Operation[] = [
  {
    id: "getStatus",
    method: "GET",
    path: "/status",
    tag: "health",
    scope: "status:read",
    summary: "How the installation stands",
    description:
      "One snapshot of everything that an operator looks at, at most a second old, the same for all who ask a gateway. A service that can't be asked is named in unseen, and what it would have told is null. With If-None-Match it is 304 while nothing else is told; the time of the snapshot alone is no news.",
    target: to("ops.status", () => ({})),
    query: {},
    status: 200,
    answer: { schema: Status, example: statusExample },
    tagged: true,
    problems: [],
  },
];
