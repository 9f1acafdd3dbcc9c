/** What the doctor says: one line for each thing it looked at, with what to do next, and the exit code that follows. */

/** ok: works, or a figure; problem: does not work; unknown: could not be looked at. */
export interface Finding {
  readonly status: "ok" | "problem" | "unknown";
  /** What was looked at. */
  readonly part: string;
  readonly says: string;
  readonly todo?: string;
}

export const ok = (part: string, says: string): Finding => ({ status: "ok", part, says });
export const problem = (part: string, says: string, todo: string): Finding => ({
  status: "problem",
  part,
  says,
  todo,
});
export const unknown = (part: string, says: string, todo: string): Finding => ({
  status: "unknown",
  part,
  says,
  todo,
});

/** A figure is a problem once it passes a bound. */
export const within = (passes: boolean, part: string, says: string, todo: string): Finding =>
  passes ? ok(part, says) : problem(part, says, todo);

const marks = { ok: "✓", problem: "✗", unknown: "!" } as const;

/** 0: healthy; 1: there are problems; 2: none was found, but not everything could be looked at. */
export function exitCodeOf(findings: readonly Finding[]): 0 | 1 | 2 {
  if (findings.some(({ status }) => status === "problem")) return 1;
  return findings.some(({ status }) => status === "unknown") ? 2 : 0;
}

const verdicts = ["healthy", "problems", "cannot tell"] as const;

/** For people. */
export function asText(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ part }) => part.length));
  const lines = findings.flatMap(({ status, part, says, todo }) => [
    `${marks[status]} ${part.padEnd(width)}  ${says}`,
    ...(todo === undefined ? [] : [`  ${" ".repeat(width)}  → ${todo}`]),
  ]);
  const count = (status: Finding["status"]) => findings.filter((finding) => finding.status === status).length;
  const verdict = verdicts[exitCodeOf(findings)];
  return [
    ...lines,
    "",
    `${verdict}: ${count("ok")} ok, ${count("problem")} problems, ${count("unknown")} unknown`,
  ].join("\n");
}

/** For machines. */
export const asJson = (findings: readonly Finding[]): string =>
  JSON.stringify({ verdict: verdicts[exitCodeOf(findings)], findings }, undefined, 2);

/** The kind of a fault, without the values that a driver's message may hold. */
export function faultOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: string };
  return typeof code === "string" && code !== ""
    ? code
    : ((message ?? "an unknown fault").split("\n")[0] ?? "");
}
