/** Passes of the reconciler that are kept: begun over HTTP, at the REPL, or by the clock. */
import * as z from "zod";
import {
  Acknowledge,
  AcknowledgeReport,
  ConsistencyCheck,
  ReconcileReport,
  Repair,
  RepairReport,
} from "./reconciliation.ts";

export const ReconciliationId = z.uuid().meta({ id: "ReconciliationId" });

const { reemitted, reportedOnly } = RepairReport.shape;

export const Reconciliation = z
  .object({
    id: ReconciliationId,
    kind: z.enum(["pass", "repair", "acknowledgement"]).meta({
      description:
        "pass: users, registry and audit log were compared; repair: and who differs was told again; acknowledgement: and what stands was accepted",
    }),
    of: ReconciliationId.nullable().meta({ description: "The pass after whose report it was asked for" }),
    status: z.enum(["running", "done", "failed", "interrupted"]).meta({
      description: "interrupted: its process has ended; what it had done stands, and it can be begun again",
    }),
    startedAt: z.iso.datetime(),
    startedBy: z.string().meta({ description: "As the audit log names them; reconciler: by the clock" }),
    correlationId: z.string(),
    endedAt: z.iso.datetime().nullable(),
    error: z.string().nullable().meta({ description: "Why it failed, without values" }),
    report: ReconcileReport.extend({
      reemitted: reemitted.optional(),
      reportedOnly: reportedOnly.optional(),
    })
      .nullable()
      .meta({ description: "Of a pass or a repair that is done" }),
    acknowledgement: AcknowledgeReport.nullable(),
  })
  .meta({ id: "Reconciliation" });
export type Reconciliation = z.infer<typeof Reconciliation>;

export const TargetReconciliation = z.strictObject({ id: ReconciliationId });

export const BeginRepair = Repair.extend({ id: ReconciliationId }).meta({ id: "BeginRepair" });
export const BeginAcknowledgement = Acknowledge.extend({ id: ReconciliationId }).meta({
  id: "BeginAcknowledgement",
});

/** What `GET /status` tells of the last one. */
export const LastReconciliation = Reconciliation.pick({
  id: true,
  kind: true,
  status: true,
  startedAt: true,
  startedBy: true,
  endedAt: true,
}).extend({
  violations: z.partialRecord(ConsistencyCheck, z.int()).nullable().meta({
    description: "How many of each check; null: it has not told yet",
  }),
});
