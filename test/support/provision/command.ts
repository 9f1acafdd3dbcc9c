/** Finding and running other programs, for the provisioning of servers. */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** What tests need of others, and how to be rid of it. */
export interface Provided {
  /** One line for the person who waits. */
  readonly how: string;
  stop(): Promise<void>;
}

/** A server that tests may use. */
export interface Provision extends Provided {
  readonly url: string;
}

/** A program that tests start themselves. */
export interface ProgramProvision extends Provided {
  /** What the variable that names it holds: its folder, or the program. */
  readonly place: string;
}

export interface ProgramWay {
  readonly name: string;
  /** Rejects with the reason why it is none. */
  attempt(): Promise<ProgramProvision>;
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly timeoutMs?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
  readonly cwd?: string;
  /** What the program reads from its standard input. */
  readonly input?: string;
}

const outputCharsMax = 1_000_000;

/** The first executable of that name on the PATH, or in one of the further folders. */
export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), ...folders]) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      if (folder !== "" && existsSync(path)) return path;
    } catch {
      // not here
    }
  }
  return undefined;
}

/** Never rejects: a program that can't be started has code null. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const { timeoutMs = 60_000, input, ...rest } = options;
  return new Promise((resolve) => {
    let stdout = "";
    let stderr = "";
    const child = spawn(program, args, { ...rest, stdio: ["pipe", "pipe", "pipe"], timeout: timeoutMs });
    child.stdin.on("error", () => {}); // it did not want to read all of it
    child.stdin.end(input);
    child.stdout.on("data", (chunk) => {
      stdout = `${stdout}${chunk}`.slice(-outputCharsMax);
    });
    child.stderr.on("data", (chunk) => {
      stderr = `${stderr}${chunk}`.slice(-outputCharsMax);
    });
    child.once("error", (error) => resolve({ code: null, stdout, stderr: error.message }));
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}

export const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null || child.pid === undefined;

const stopDeadlineMs = 15_000;

/** Asks the child, or with `group` its whole process group, to stop, and kills it when it does not. */
export async function stopChild(
  child: ChildProcess,
  signal: NodeJS.Signals,
  { group = false } = {},
): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return;
  const send = (name: NodeJS.Signals) => {
    try {
      process.kill(group ? -pid : pid, name);
    } catch {
      // it has ended meanwhile
    }
  };
  if (!hasEnded(child)) {
    const exit = new Promise((resolve) => child.once("exit", resolve));
    send(signal);
    const killer = setTimeout(() => send("SIGKILL"), stopDeadlineMs);
    await exit;
    clearTimeout(killer);
  }
  if (group) send("SIGKILL"); // what the leader left behind
}
