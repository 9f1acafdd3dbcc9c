/** Prometheus and its promtool for the tests: installed ones, or the distribution's package, unpacked. */
import { dirname, join } from "node:path";
import { findProgram, type ProgramProvision, type ProgramWay } from "./command.ts";
import { unpackedPackage } from "./packages.ts";

/** The place is the folder that holds `prometheus` and `promtool`. */
function installed(folders: readonly string[]): ProgramProvision {
  const promtool = findProgram("promtool", folders);
  if (promtool === undefined) throw new Error("there is no promtool on the PATH");
  const folder = dirname(promtool);
  if (findProgram("prometheus", [folder]) === undefined)
    throw new Error("there is promtool, but no prometheus");
  return { place: folder, how: `in ${folder}`, stop: async () => {} };
}

async function unpacked(): Promise<ProgramProvision> {
  const folder = join(await unpackedPackage("prometheus"), "usr/bin");
  return { place: folder, how: `the distribution's package, unpacked in ${folder}`, stop: async () => {} };
}

/** The ways to it, best first; each rejects with the reason why it is none. */
export const prometheusWays = (): ProgramWay[] => [
  {
    name: "installed",
    attempt: async () =>
      installed(
        [process.env.TEST_PROMETHEUS ?? "", "/usr/local/bin", "/opt/homebrew/bin"].filter(
          (folder) => folder !== "",
        ),
      ),
  },
  { name: "the distribution's package prometheus", attempt: unpacked },
];

export const prometheusAdvice =
  "Prometheus is needed: install the package prometheus (it brings promtool), or set TEST_PROMETHEUS to the folder that holds both";
