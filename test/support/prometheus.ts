/** promtool as tests use it; they fail with the advice where there is none, and are never skipped. */
import { findProgram, type Outcome, runProgram } from "./provision/command.ts";
import { prometheusAdvice } from "./provision/prometheus.ts";

const promtoolTimeoutMs = 120_000;

/** Of the folder that `npm test` names, else of the PATH. Throws the advice. */
export function prometheusProgram(name: "prometheus" | "promtool"): string {
  const folder = process.env.TEST_PROMETHEUS;
  const found = findProgram(name, folder ? [folder] : []);
  if (found === undefined) throw new Error(prometheusAdvice);
  return found;
}

/** Runs promtool in the repository; `input` is its standard input. */
export const promtool = (
  args: readonly string[],
  options: { cwd?: string; input?: string } = {},
): Promise<Outcome> =>
  runProgram(prometheusProgram("promtool"), args, { timeoutMs: promtoolTimeoutMs, ...options });
