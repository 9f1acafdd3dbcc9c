/** Runs a development tool of node_modules/.bin and keeps what it prints; never rejects because the tool complains. */
import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

export const repositoryRoot = fileURLToPath(new URL("../../..", import.meta.url)).replace(/[\\/]$/, "");
const binaries = join(repositoryRoot, "node_modules/.bin");

export interface ToolResult {
  readonly ok: boolean;
  /** stdout and stderr as they came. */
  readonly output: string;
  readonly stdout: string;
}

export interface ToolOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

/** Rejects only when the program can't be started. */
export function runTool(
  program: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd ?? repositoryRoot,
      env: {
        ...process.env,
        PATH: `${binaries}${delimiter}${process.env.PATH}`,
        NO_COLOR: "1",
        ...options.env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.once("error", (cause) =>
      reject(new Error(`Cannot run ${program}: it is not installed (npm ci)`, { cause })),
    );
    child.once("close", (code) =>
      resolve({ ok: code === 0, output: stripVTControlCharacters(output).trim(), stdout }),
    );
  });
}
