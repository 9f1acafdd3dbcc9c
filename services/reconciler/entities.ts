/** What the reconciler keeps: decisions on differences that nothing can end, and since when a queue holds messages. */
import { defineEntity, p } from "@mikro-orm/core";
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
