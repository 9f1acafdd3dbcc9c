/** The repository's files as git sees them: tracked, and new ones that are not ignored. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot, runTool } from "./run-tool.ts";
import type { SourceFile } from "./tidy.ts";

/** Rejects outside a git working tree. */
export async function repositoryFiles(): Promise<SourceFile[]> {
  const { ok, output, stdout } = await runTool("git", ["ls-files", "-z", "-co", "--exclude-standard"]);
  if (!ok) throw new Error(`Cannot list the files: ${output}`);
  return stdout
    .split("\0")
    .filter((path) => path !== "" && existsSync(join(repositoryRoot, path)))
    .map((path) => ({ path, text: readFileSync(join(repositoryRoot, path), "utf8") }));
}
