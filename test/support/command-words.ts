/**
 * Promise: what commands say before they begin, all in one process, since each is a second of CPU to start alone. It is
 * given a list of scripts with their arguments as JSON, runs each as far as its end (which it takes for itself), and
 * prints a list of what each has told. Whoever has not ended by itself has `code: null`.
 */
import { pathToFileURL } from "node:url";

/** A script, and what is typed behind it. */
export type Typed = readonly [script: string, ...args: string[]];

/** How a command has ended, and all that it has written. */
export interface Told {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

class Ended extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

async function toldBy([script, ...args]: Typed): Promise<Told> {
  const said = { stdout: "", stderr: "" };
  const { argv, exit, stdout, stderr } = process;
  const writes = [stdout.write, stderr.write] as const;
  stdout.write = (text: unknown) => {
    said.stdout += text;
    return true;
  };
  stderr.write = (text: unknown) => {
    said.stderr += text;
    return true;
  };
  process.argv = [process.execPath, script, ...args];
  process.exit = (code) => {
    throw new Ended(Number(code ?? 0));
  };
  try {
    // With other words it is another module, which runs anew.
    await import(`${pathToFileURL(script)}?${args.join("&")}`);
    return { code: null, ...said };
  } catch (error) {
    if (!(error instanceof Ended)) throw error;
    return { code: error.code, ...said };
  } finally {
    [stdout.write, stderr.write] = writes;
    [process.argv, process.exit] = [argv, exit];
    for (const stream of [stdout, stderr]) stream.removeAllListeners("error");
  }
}

async function main(): Promise<void> {
  // Deno takes a module that is being loaded while nothing else is to be done for one that never will be.
  const awake = setInterval(() => {}, 100);
  const told: Told[] = [];
  for (const typed of JSON.parse(process.argv[2] ?? "[]") as Typed[]) told.push(await toldBy(typed));
  clearInterval(awake);
  process.stdout.write(JSON.stringify(told), () => process.exit(0));
}

void main();
