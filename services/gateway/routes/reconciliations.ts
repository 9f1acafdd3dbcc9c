/** The rows of the reconciler: to begin a pass, and to read what came of it. */
import * as z from "zod";
import type { ActionInput } from "../../contracts/actions.ts";
import { Acknowledge, Repair } from "../../contracts/reconciliation.ts";
import { Reconciliation, ReconciliationId } from "../../contracts/reconciliations.ts";
import { HttpProblem, invalidField } from "../problems/problems.ts";
import { bodyProblems, jsonAlone, keyProblems, type Operation, type RequestParts, to } from "./operation.ts";
import * as example from "./status-examples.ts";
import { body } from "./user-target.ts";

/** A path id that is no UUID names nothing, so it is as unknown as any other. */
function passId({ path }: RequestParts): string {
  const parsed = ReconciliationId.safeParse(path.id);
  if (!parsed.success) throw new HttpProblem("not-found", "Cannot find the reconciliation: none has this id");
  return parsed.data.toLowerCase();
}

/** The id stands in the path alone. */
function withId(parts: RequestParts) {
  if (Object.hasOwn(parts.body, "id")) throw invalidField("id", "is not a known member");
  return { ...parts.body, id: passId(parts) };
}

const RepairBody = z.strictObject(Repair.shape).meta({ id: "RepairBody" });
const AcknowledgementBody = z.strictObject(Acknowledge.shape).meta({ id: "AcknowledgementBody" });
const passPath = {
  pathParams: { id: ReconciliationId.meta({ description: "The reconciliation's id, a UUID" }) },
};
const common = { tag: "reconciliations", query: {} } as const;
const begins = {
  method: "POST",
  scope: "reconciliation:write",
  status: 202,
  location: "/reconciliations",
  answer: { schema: Reconciliation, example: example.begunReconciliation },
  write: true,
} as const;
const tells = {
  method: "GET",
  scope: "reconciliation:read",
  status: 200,
  answer: { schema: Reconciliation, example: example.reconciliation },
  problems: ["not-found"],
} as const;

export const reconciliationOperations: readonly Operation[] = [
  {
    ...common,
    ...begins,
    id: "beginReconciliation",
    path: "/reconciliations",
    summary: "Compare users, registry and audit log",
    description:
      "Answered once the pass has begun; Location tells how it goes and, when it is done, what differs. It changes nothing. One at a time runs in an installation.",
    target: to("reconciler.begin", () => ({})),
    problems: ["reconciliation-running", ...keyProblems],
  },
  {
    // Before the path with an id, which would take it for one.
    ...common,
    ...tells,
    id: "getLatestReconciliation",
    path: "/reconciliations/latest",
    summary: "The reconciliation that was begun last",
    description: "By whoever or whatever: over HTTP, at the REPL, by the clock. 404 when there was none.",
    target: to("reconciler.latest", () => ({})),
  },
  {
    ...common,
    ...tells,
    id: "getReconciliation",
    path: "/reconciliations/:id",
    summary: "How a reconciliation goes, and what it found",
    description:
      "The newest 1,000 are kept. One whose process has ended is interrupted, and can be begun again.",
    target: to("reconciler.get", (parts) => ({ id: passId(parts) })),
    ...passPath,
  },
  {
    ...common,
    ...begins,
    id: "beginRepair",
    path: "/reconciliations/:id/repairs",
    summary: "Tell users again who differ",
    description:
      "Looks again, at the users that are named or at all, and tells the state of those who differ under a newer version, so that registry and audit log follow. Answered once it has begun; it is a reconciliation of its own.",
    target: to("reconciler.begin-repair", withId),
    ...passPath,
    ...body(RepairBody, jsonAlone, {}),
    problems: ["not-found", "reconciliation-running", ...bodyProblems, ...keyProblems],
  },
  {
    ...common,
    ...begins,
    id: "beginAcknowledgement",
    path: "/reconciliations/:id/acknowledgements",
    summary: "Accept differences that nothing can mend",
    description:
      "Looks again at the users that are named, and accepts what stands of the check, with a reason that is kept. Answered once it has begun; it is a reconciliation of its own.",
    target: to(
      "reconciler.begin-acknowledgement",
      (parts) => withId(parts) as ActionInput<"reconciler.begin-acknowledgement">,
    ),
    ...passPath,
    ...body(AcknowledgementBody, jsonAlone, example.acknowledgement),
    problems: ["not-found", "reconciliation-running", ...bodyProblems, ...keyProblems],
  },
];
