/** `reconcile`: users, smtp-registry and audit log compared, what differs told again, or accepted with a reason. */
import { counted } from "../../../mixins/basics/plural.ts";
import {
  type AcknowledgedDifference,
  acknowledgeableChecks,
  type ReconcileReport,
} from "../../contracts/reconciliation.ts";
import { type Command, type Desk, WrongUse, wordAt } from "./command.ts";

/** A pass reads every user. */
const passTimeoutMs = 10 * 60_000;

const acceptedTable = (differences: readonly AcknowledgedDifference[], table: Desk["table"]): string =>
  table(
    ["user", "acknowledged", "gap", "at", "by", "reason"],
    differences.map(({ userId, check, gap, acknowledged }) => [
      userId,
      check,
      gap,
      acknowledged.at,
      acknowledged.by,
      acknowledged.reason,
    ]),
  );

function reportText(report: ReconcileReport, table: Desk["table"]): string {
  const { checked, inFlight, ms, violations, differences, pending, acknowledged } = report;
  const total = Object.values(violations).reduce((sum, count) => sum + count, 0);
  const waiting = pending.count === 0 ? "" : `, ${pending.count} that may wait in a queue`;
  const accepted = acknowledged.count === 0 ? "" : `, ${acknowledged.count} acknowledged`;
  const head = `${counted(checked, "user")} compared in ${ms} ms, ${inFlight} with an event on its way, ${counted(total, "difference")}${waiting}${accepted}`;
  return [
    head,
    ...(differences.length === 0 ? [] : [differenceTable(differences, table)]),
    ...(acknowledged.count === 0 ? [] : [acceptedTable(acknowledged.differences, table)]),
  ].join("\n\n");
}

function differenceTable(differences: ReconcileReport["differences"], table: Desk["table"]): string {
  const rows = differences.map(({ userId, check, version, found: there, deadLetter }) => [
    userId,
    check,
    version,
    there,
    deadLetter ? "pending" : "none",
  ]);
  return table(["user", "difference", "version in users", "found", "dead letter"], rows);
}

const isAcknowledgeable = (word: string): word is (typeof acknowledgeableChecks)[number] =>
  (acknowledgeableChecks as readonly string[]).includes(word);

async function acknowledge({ call, table }: Desk, words: readonly string[]): Promise<string> {
  const check = wordAt(words, 1, "The check");
  if (!isAcknowledgeable(check))
    throw new WrongUse(
      `Only ${acknowledgeableChecks.join(", ")} can be acknowledged; a repair ends the others`,
    );
  const userIds = wordAt(words, 2, "The user id").split(",");
  const reason = words.slice(3).join(" ");
  if (reason === "") throw new WrongUse("The reason is missing: others will want to know why");
  const { acknowledged, left } = await call(
    "reconciler.acknowledge",
    { userIds, check, reason },
    passTimeoutMs,
  );
  const not = left.map(({ userId, why }) => `\n✗ ${userId} ${why}`).join("");
  return `${acceptedTable(acknowledged, table)}${not}`;
}

async function decide(
  { call }: Desk,
  verb: "release" | "restore",
  words: readonly string[],
): Promise<string> {
  const userId = wordAt(words, 1, "The user id (or all)");
  const reason = words.slice(2).join(" ");
  if (reason === "") throw new WrongUse("The reason is missing: others will want to know why");
  const as = `${verb}d` as const;
  if (userId === "all") {
    const { decided, left } = await call("reconciler.decide", { as, reason }, passTimeoutMs);
    const not = left.map(({ userId: orphan, why }) => `\n✗ ${orphan} ${why}`).join("");
    return `${counted(decided, "orphan")} ${as}${not}`;
  }
  const { version } = await call(`reconciler.${verb}`, { userId, reason }, passTimeoutMs);
  return `${userId} is ${as}, as version ${version}`;
}

export const reconcileCommand: Command = {
  name: "reconcile",
  description: "Compares users, smtp-registry and audit log",
  usage: [
    "reconcile",
    "reconcile repair [user id …]",
    "reconcile generation",
    "reconcile release <user id>|all <reason …>",
    "reconcile restore <user id>|all <reason …>",
    "reconcile acknowledge <check> <user id>[,<user id> …] <reason …>",
  ],
  async run(desk, words) {
    const { call, table } = desk;
    const [verb, ...userIds] = words;
    if (verb === undefined) return `${reportText(await call("reconciler.run", {}, passTimeoutMs), table)}`;
    if (verb === "acknowledge") return acknowledge(desk, words);
    if (verb === "generation") {
      const { generation } = await call("users.generation", {});
      return `Versions go on in generation ${generation}`;
    }
    if (verb === "release" || verb === "restore") return decide(desk, verb, words);
    if (verb !== "repair") throw new WrongUse(`There is no reconcile ${verb}`);
    const report = await call("reconciler.repair", userIds.length === 0 ? {} : { userIds }, passTimeoutMs);
    const { reemitted, reportedOnly } = report;
    return `${reportText(report, table)}\n${reemitted} told again, ${reportedOnly} that no event can mend`;
  },
};
