/** Accepted domains as they are stored. */
import { defineEntity, type InferEntity, p } from "@mikro-orm/core";

/** One row for each time that a domain was accepted: who declared it and, once that is over, who removed it. */
export const AcceptedDomainRow = defineEntity({
  name: "AcceptedDomainRow",
  tableName: "accepted_domains",
  properties: {
    /** In A-labels. */
    domain: p.text().primary(),
    declaredAt: p.datetime(3).primary(),
    declaredBy: p.text(),
    removedAt: p.datetime(3).nullable(),
    removedBy: p.text().nullable(),
  },
  indexes: [
    {
      name: "accepted_domains_now_idx",
      expression: `create unique index "accepted_domains_now_idx" on "accepted_domains" (domain) where removed_at is null`,
    },
  ],
});
export type AcceptedDomainRow = InferEntity<typeof AcceptedDomainRow>;
