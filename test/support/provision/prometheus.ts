/**
 * Prometheus and its promtool for the tests: installed ones, or the distribution's package unpacked into a temporary
 * folder. Unpacked, not installed: that needs no root where apt has its lists, and starts no service.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findProgram, type Provided, runProgram } from "./command.ts";

export interface PrometheusProvision extends Provided {
  /** Holds `prometheus` and `promtool`. */
  readonly folder: string;
}

const fetchTimeoutMs = 10 * 60_000;

function installed(folders: readonly string[]): PrometheusProvision {
  const promtool = findProgram("promtool", folders);
  if (promtool === undefined) throw new Error("there is no promtool on the PATH");
  const folder = dirname(promtool);
  if (findProgram("prometheus", [folder]) === undefined)
    throw new Error("there is promtool, but no prometheus");
  return { folder, how: `in ${folder}`, stop: async () => {} };
}

async function unpacked(): Promise<PrometheusProvision> {
  const [aptGet, dpkgDeb] = [findProgram("apt-get"), findProgram("dpkg-deb")];
  if (aptGet === undefined || dpkgDeb === undefined) throw new Error("only on Debian or Ubuntu");
  const home = mkdtempSync(join(tmpdir(), "mailroster-prometheus-"));
  const run = async (program: string, args: readonly string[]): Promise<void> => {
    const { code, stderr } = await runProgram(program, args, { timeoutMs: fetchTimeoutMs, cwd: home });
    if (code !== 0) throw new Error(stderr.trim().split("\n").at(-1) || `${program} failed`);
  };
  const download = () => run(aptGet, ["download", "prometheus"]);
  const stop = async () => rmSync(home, { recursive: true, force: true });
  try {
    // Without lists, as in a fresh container, there is nothing to download from.
    await download().catch(() => run(aptGet, ["update"]).then(download));
    const archive = readdirSync(home).find((name) => name.endsWith(".deb")) ?? "";
    await run(dpkgDeb, ["-x", join(home, archive), home]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { folder: join(home, "usr/bin"), how: "the distribution's package, unpacked", stop };
}

/** The ways to it, best first; each rejects with the reason why it is none. */
export const prometheusWays = (): { name: string; attempt: () => Promise<PrometheusProvision> }[] => [
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
