/** Runs named tests of one file and tells of each whether it passed. */
import { join } from "node:path";
import { runProgram } from "../support/provision/command.ts";

/** More than the slowest test takes on a busy machine, with its hooks. */
const timeLimitMs = 4 * 60_000;

export interface Verdict {
  /** Whether ava named this test, and how it ended; undefined when it did not get to it. */
  readonly passed: ReadonlyMap<string, boolean>;
  /** What ava said. */
  readonly output: string;
}

/** `folder` is a tree with its node_modules. */
export async function runTests(
  folder: string,
  file: string,
  titles: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<Verdict> {
  const ava = join(folder, "node_modules/ava/entrypoints/cli.js");
  const matches = titles.flatMap((title) => ["--match", title]);
  const { stdout, stderr } = await runProgram(process.execPath, [ava, "--tap", file, ...matches], {
    cwd: folder,
    env: environment,
    timeoutMs: timeLimitMs,
  });
  const passed = new Map<string, boolean>();
  for (const [, not, title = ""] of stdout.matchAll(/^(not )?ok \d+ - (.*)$/gm))
    if (titles.includes(title)) passed.set(title, not === undefined);
  return { passed, output: `${stdout}\n${stderr}`.trim() };
}
