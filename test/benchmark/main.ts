/**
 * `npm run bench [-- part …] [--rounds 5] [--seconds 5] [--quick] [--out folder] [--list] [--accept]`: what the system does in a
 * second, beside a bare reference and beside peers, in one run on servers of its own.
 */
import { join } from "node:path";
import { exitCodes } from "../../services/contracts/exits.ts";
import { commandLine } from "../../services/runtime/command-line.ts";
import { runCommand } from "../../services/runtime/run-command.ts";
import { root } from "../support/processes.ts";
import { Stops } from "../support/stops.ts";
import { acceptCounts, measureCounts } from "./counts/counts.ts";
import { formOf, type Options, optionsOf } from "./harness/options.ts";
import { parts } from "./parts/index.ts";
import { Console } from "./report/console.ts";
import { aligned } from "./report/text.ts";
import { run } from "./run.ts";

const console = new Console(process.stdout);

async function measure(options: Options): Promise<number> {
  const stops = new Stops();
  const interrupted = new AbortController();
  const end = async (why: string, code: number): Promise<void> => {
    if (interrupted.signal.aborted) return;
    interrupted.abort(new Error(why));
    console.line(`${why}: what was started is stopped`);
    await stops.all();
    process.exit(code);
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(name, () => void end(name, exitCodes.interrupted));
  // A peer that throws where nobody can catch it must not leave servers behind.
  process.on("uncaughtException", (error) => void end(`${error.stack}`, exitCodes.failure));
  try {
    const chosen = parts.filter(({ name }) => options.parts.includes(name));
    const results = await run({ options, stops, console, interrupted: interrupted.signal }, chosen);
    if (results.parts.length > 0) console.line(`\n${join(options.out, "report.html")}`);
    return results.parts.some(({ failure }) => failure !== undefined) ? exitCodes.failure : 0;
  } catch (error) {
    if (!interrupted.signal.aborted) console.line(`Cannot measure: ${(error as Error).message}`);
    return exitCodes.failure;
  } finally {
    await stops.all();
  }
}

const known = parts.map(({ name }) => name);
const line = commandLine(formOf(known));
await runCommand(async () => {
  const options = optionsOf(line, known, root);
  if (options.accept) {
    acceptCounts(await measureCounts());
    return exitCodes.ok;
  }
  if (!options.list) return measure(options);
  for (const text of aligned(parts.map(({ name, title }) => [name, title]))) console.line(text);
  return exitCodes.ok;
});
