/**
 * `npm run bench [-- part …] [--rounds 5] [--seconds 5] [--quick] [--out folder] [--list]`: what the system does in a
 * second, beside a bare reference and beside peers, in one run on servers of its own.
 *
 * Exit codes: 0 measured, 1 a part could not be measured, 2 the command line is wrong, 130 interrupted.
 */
import { join } from "node:path";
import { root } from "../support/processes.ts";
import { type Options, optionsOf, UsageError } from "./harness/options.ts";
import { Stops } from "./harness/stops.ts";
import { parts } from "./parts/index.ts";
import { Console } from "./report/console.ts";
import { aligned } from "./report/text.ts";
import { run } from "./run.ts";

const exitCodes = { failure: 1, usage: 2, interrupted: 130 } as const;
const console = new Console(process.stdout);

function optionsOrExit(): Options {
  const names = parts.map(({ name }) => name);
  try {
    return optionsOf(process.argv.slice(2), names, root);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(exitCodes.usage);
  }
}

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

const options = optionsOrExit();
if (options.list)
  for (const line of aligned(parts.map(({ name, title }) => [name, title]))) console.line(line);
else process.exitCode = await measure(options);
