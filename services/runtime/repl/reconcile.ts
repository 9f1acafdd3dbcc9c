/** `reconcile`: users, smtp-registry and audit log compared, and what differs told again. */
import type { ReconcileReport } from "../../contracts/reconciliation.ts";
import { type Command, type Desk, WrongUse } from "./command.ts";

/** A pass reads every user. */
const passTimeoutMs = 10 * 60_000;

function told(report: ReconcileReport, table: Desk["table"]): string {
  const { checked, inFlight, ms, violations, differences } = report;
  const found = Object.values(violations).reduce((sum, count) => sum + count, 0);
  const head = `${checked} users compared in ${ms} ms, ${inFlight} with an event on its way, ${found} differences`;
  if (differences.length === 0) return head;
  const rows = differences.map(({ userId, check, version, found: there, deadLetter }) => [
    userId,
    check,
    version,
    there,
    deadLetter ? "pending" : "none",
  ]);
  return `${head}\n\n${table(["user", "difference", "version in users", "found", "dead letter"], rows)}`;
}

export const reconcile: Command = {
  name: "reconcile",
  description: "Compares users, smtp-registry and audit log",
  usage: ["reconcile", "reconcile repair [user id …]"],
  async run({ call, table }, words) {
    const [verb, ...userIds] = words;
    if (verb === undefined) return `${told(await call("reconciler.run", {}, passTimeoutMs), table)}`;
    if (verb !== "repair") throw new WrongUse(`There is no reconcile ${verb}`);
    const report = await call("reconciler.repair", userIds.length === 0 ? {} : { userIds }, passTimeoutMs);
    const { reemitted, reportedOnly } = report;
    return `${told(report, table)}\n${reemitted} told again, ${reportedOnly} that no event can mend`;
  },
};
