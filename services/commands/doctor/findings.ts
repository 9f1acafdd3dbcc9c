/** What the doctor says: the causes first, one line for each thing it looked at, and the exit code that follows. */

import { counted } from "../../../mixins/basics/plural.ts";
import { exitCodes } from "../../contracts/exits.ts";

/** problem: does not work; follows: does not work because of another problem; unknown: could not be looked at. */
export interface Finding {
  readonly status: "ok" | "problem" | "follows" | "unknown";
  /** What was looked at. */
  readonly part: string;
  readonly says: string;
  readonly todo?: string;
  /** Parts whose problem is the cause of this one. */
  readonly causes?: readonly string[];
  /** There is no system to look at. */
  readonly unreachable?: true;
}

export const ok = (part: string, says: string): Finding => ({ status: "ok", part, says });
/** Works, and could be better. */
export const hint = (part: string, says: string, todo: string): Finding => ({ ...ok(part, says), todo });
export const problem = (
  part: string,
  says: string,
  todo: string,
  causes: readonly string[] = [],
): Finding => ({ status: "problem", part, says, todo, causes });
export const unknown = (part: string, says: string, todo: string): Finding => ({
  status: "unknown",
  part,
  says,
  todo,
});

/** A figure is a problem once it passes a bound. */
export const okIf = (
  passes: boolean,
  part: string,
  says: string,
  todo: string,
  causes: readonly string[] = [],
): Finding => (passes ? ok(part, says) : problem(part, says, todo, causes));

const order = ["problem", "unknown", "ok", "follows"] as const;
const marks = { ok: "✓", problem: "✗", unknown: "!", follows: "…" } as const;

/** Tells causes from what follows from them, and puts the causes first. Pure. */
export function byCause(findings: readonly Finding[]): Finding[] {
  const broken = new Set(findings.flatMap(({ status, part }) => (status === "problem" ? [part] : [])));
  const told = findings.map((finding): Finding => {
    const cause = finding.causes?.find((part) => broken.has(part) && part !== finding.part);
    return finding.status === "problem" && cause !== undefined
      ? { ...finding, status: "follows", causes: [cause] }
      : finding;
  });
  return order.flatMap((wanted) => told.filter(({ status }) => status === wanted));
}

/** Healthy, problems, not everything could be looked at, or no system that could be reached. */
export function findingsExitCode(findings: readonly Finding[]): 0 | 1 | 2 | 69 {
  if (findings.some(({ unreachable }) => unreachable === true)) return exitCodes.unavailable;
  if (findings.some(({ status }) => status === "problem")) return exitCodes.failure;
  return findings.some(({ status }) => status === "unknown") ? exitCodes.uncertain : exitCodes.ok;
}

const verdicts = { 0: "healthy", 1: "problems", 2: "cannot tell", 69: "unreachable" } as const;

/** For people: what only follows from a problem is counted. */
export function asText(findings: readonly Finding[]): string {
  const rows = findings.filter(({ status }) => status !== "follows");
  const width = Math.max(...rows.map(({ part }) => part.length));
  const lines = rows.flatMap(({ status, part, says, todo }) => [
    `${marks[status]} ${part.padEnd(width)}  ${says}`,
    ...(todo === undefined ? [] : [`  ${" ".repeat(width)}  → ${todo}`]),
  ]);
  const count = (status: Finding["status"]) => findings.filter((finding) => finding.status === status).length;
  const sums = [
    `${count("ok")} ok`,
    counted(count("problem"), "problem"),
    `${count("unknown")} unknown`,
    ...(count("follows") === 0 ? [] : [`${count("follows")} more that follow (--json names them)`]),
  ];
  return [...lines, "", `${verdicts[findingsExitCode(findings)]}: ${sums.join(", ")}`].join("\n");
}

/** For machines. */
export const asJson = (findings: readonly Finding[]): string =>
  JSON.stringify({ verdict: verdicts[findingsExitCode(findings)], findings }, undefined, 2);
