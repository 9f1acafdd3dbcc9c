/** The previous release beside this one: its files in a folder of their own, on the packages of this one. */
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { root } from "../support/processes.ts";
import { runProgram } from "../support/provision/command.ts";

/** Of 0.1.0, where no tag has come with the clone. */
const releaseCommit = "0e4b5a02d546a8a41070c9f2ae256988e22eac1a";

async function git(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram("git", args, { cwd: root });
  if (code !== 0) throw new Error(`Cannot look for the previous release: ${stderr.trim()}`);
  return stdout.trim();
}

/** The commit that `HA_PREVIOUS` names, or the newest tag, or that of the last release. */
async function previousCommit(): Promise<string> {
  const named = process.env.HA_PREVIOUS;
  if (named !== undefined && named !== "") return git("rev-parse", "--verify", `${named}^{commit}`);
  const [tag] = (await git("tag", "--sort=-creatordate", "--list", "v*")).split("\n");
  if (tag !== undefined && tag !== "") return git("rev-parse", `${tag}^{commit}`);
  try {
    return await git("rev-parse", "--verify", `${releaseCommit}^{commit}`);
  } catch (cause) {
    const isShallow = (await git("rev-parse", "--is-shallow-repository")) === "true";
    const why = isShallow
      ? "this clone is shallow: git fetch --unshallow --tags brings its history"
      : "it is not in this repository: HA_PREVIOUS names the commit that is";
    throw new Error(`Cannot find the previous release ${releaseCommit.slice(0, 7)}: ${why}`, { cause });
  }
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
