/** What the reconciler keeps: its reports, decisions on differences that nothing can end, and since when a queue holds messages. */
import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import { keptWorkCheck, keptWorkProperties } from "../../mixins/postgres/kept-work.ts";
import { secondsSince } from "../../mixins/postgres/seconds-since.ts";

/** The key holds the gap: when the gap changes, nobody has acknowledged it. */
export const ConsistencyAcknowledgement = defineEntity({
  name: "ConsistencyAcknowledgement",
  tableName: "consistency_acknowledgements",
  properties: {
    userId: p.uuid().primary(),
    checkName: p.text().primary(),
    gap: p.text().primary(),
    acknowledgedAt: p.datetime(3).defaultRaw("now()"),
    acknowledgedBy: p.text(),
    reason: p.text(),
    correlationId: p.text(),
  },
});

/** A consumer's queue that holds messages, since a pass has first seen it so; gone when one sees it empty. */
export const ConsistencyBacklog = defineEntity({
  name: "ConsistencyBacklog",
  tableName: "consistency_backlogs",
  properties: {
    queue: p.text().primary(),
    since: p.datetime(3).defaultRaw("now()"),
    ageS: secondsSince("since"),
  },
});

/** A pass, from when it begins. */
export const ReconciliationRow = defineEntity({
  name: "ReconciliationRow",
  tableName: "reconciliations",
  properties: {
    ...keptWorkProperties,
    kind: p.text(),
    ofId: p.uuid().nullable(),
    /** What it reports. */
    result: p.json().nullable(),
  },
  checks: [
    {
      name: "reconciliations_kind_check",
      expression: "kind in ('pass', 'repair', 'acknowledgement')",
    },
    keptWorkCheck("reconciliations"),
  ],
});
export type ReconciliationRow = InferEntity<typeof ReconciliationRow>;
