/**
 * A page of documentation as a program: `diff` blocks are patches, `sh` blocks are commands, and a `text` block after
 * commands is what their output must contain, line by line. A text that begins with ✗ tells of a command that fails.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { repositoryFiles } from "./gate/repository.ts";
import { repositoryRoot, runTool } from "./gate/run-tool.ts";

export interface Block {
  readonly language: "diff" | "sh" | "text";
  readonly text: string;
}

/** The blocks of each section, by its title; sections without any are left out. */
export function sectionsOf(page: string): Map<string, Block[]> {
  const sections = new Map<string, Block[]>();
  for (const section of page.split(/^## /m).slice(1)) {
    const blocks = [...section.matchAll(/^```(diff|sh|text)\n(.*?)^```$/gms)].map(([, language, text]) => ({
      language: language as Block["language"],
      text: text ?? "",
    }));
    if (blocks.length > 0) sections.set(section.slice(0, section.indexOf("\n")), blocks);
  }
  return sections;
}

export interface WorkingCopy {
  readonly folder: string;
  remove(): void;
}

/** The repository's files, with the installed packages beside them. */
export async function workingCopy(): Promise<WorkingCopy> {
  const folder = mkdtempSync(join(tmpdir(), "mailroster-copy-"));
  for (const { path } of await repositoryFiles()) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(repositoryRoot, path), join(folder, path));
  }
  // A lock that looks newer than the packages would have npm install them anew, into the repository's own folder.
  utimesSync(join(folder, "package-lock.json"), 0, 0);
  symlinkSync(join(repositoryRoot, "node_modules"), join(folder, "node_modules"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Runs the blocks in order; resolves with what went otherwise than the page says. */
export async function runBlocks(blocks: readonly Block[], folder: string): Promise<string[]> {
  const faults: string[] = [];
  for (const [index, { language, text }] of blocks.entries()) {
    if (language === "text") continue;
    const told = blocks[index + 1]?.language === "text" ? (blocks[index + 1]?.text ?? "") : "";
    if (language === "diff") writeFileSync(join(folder, "page.diff"), text);
    const command = language === "diff" ? "git apply page.diff && rm page.diff" : `set -e\n${text}`;
    const env = { npm_config_ignore_scripts: "true", GIT_CEILING_DIRECTORIES: dirname(folder) };
    const { ok, output } = await runTool("sh", ["-c", command], { cwd: folder, env });
    const expectsFailure = told.startsWith("✗ ");
    const lines = told
      .replace(/^✗ /, expectsFailure ? "" : "✗ ")
      .trim()
      .split("\n");
    const missing = lines.filter((line) => !output.includes(line.trim()));
    if (ok === expectsFailure || missing.length > 0)
      faults.push(
        `${text}\n${ok ? "succeeded" : "failed"}, and said\n${output}\nwithout ${missing.join(" / ")}`,
      );
  }
  return faults;
}
