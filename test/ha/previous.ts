/** The previous release beside this one: its files in a folder of their own, on the packages of this one. */
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { root } from "../support/processes.ts";
import { runProgram } from "../support/provision/command.ts";

/** The frozen schemas of 0.1.0 came with this release, which has no tag. */
const releaseFile = "docs/schemas/0.1.0/SHA256SUMS";

async function git(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram("git", args, { cwd: root });
  if (code !== 0) throw new Error(`Cannot look for the previous release: ${stderr.trim()}`);
  return stdout.trim();
}

/** The commit that `HA_PREVIOUS` names, or the newest tag, or the one that froze the release's schemas. */
async function previousCommit(): Promise<string> {
  const named = process.env.HA_PREVIOUS;
  if (named !== undefined && named !== "") return git("rev-parse", "--verify", `${named}^{commit}`);
  const [tag] = (await git("tag", "--sort=-creatordate", "--list", "v*")).split("\n");
  if (tag !== undefined && tag !== "") return git("rev-parse", `${tag}^{commit}`);
  const frozen = await git("log", "-1", "--format=%H", "--diff-filter=A", "--", releaseFile);
  if (frozen === "") throw new Error("Cannot find the previous release: HA_PREVIOUS names its commit");
  return frozen;
}

/** Resolves with the folder and the commit. */
export async function previousRelease(folder: string): Promise<{ root: string; commit: string }> {
  const commit = await previousCommit();
  const files = join(folder, "previous");
  mkdirSync(files, { recursive: true });
  const archive = join(folder, "previous.tar");
  await git("archive", "--output", archive, commit);
  const { code, stderr } = await runProgram("tar", ["-xf", archive, "-C", files]);
  if (code !== 0) throw new Error(`Cannot unpack the previous release: ${stderr.trim()}`);
  symlinkSync(join(root, "node_modules"), join(files, "node_modules"));
  return { root: files, commit };
}
