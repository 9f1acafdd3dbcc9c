/** How a command ends: with an exit code that tells why, and with nothing left behind that could keep it. */
import "./heap.ts";
import { ConfigError } from "../config/index.ts";
import {
  DataError,
  exitCodes,
  ForbiddenError,
  StartError,
  UnreachableError,
  UsageError,
} from "../contracts/exits.ts";

/** undefined: nobody expected it. */
export function exitCodeOf(error: unknown): number | undefined {
  if (error instanceof ConfigError) return exitCodes.config;
  if (error instanceof UsageError) return exitCodes.usage;
  if (error instanceof DataError) return exitCodes.data;
  if (error instanceof ForbiddenError) return exitCodes.forbidden;
  if (error instanceof UnreachableError) return exitCodes.unavailable;
  return error instanceof StartError ? exitCodes.failure : undefined;
}

/** Exits with what the work resolves to. What is thrown on purpose becomes one sentence, the last line, and its code. */
export async function runCommand(work: () => Promise<number>): Promise<void> {
  let code: number;
  try {
    code = await work();
  } catch (error) {
    const exitCode = exitCodeOf(error);
    if (exitCode === undefined) throw error;
    process.stderr.write(`${(error as Error).message}\n`);
    code = exitCode;
  }
  // A connection that hangs must not keep the process; what was printed must be out.
  process.stdout.write("", () => process.exit(code));
}
