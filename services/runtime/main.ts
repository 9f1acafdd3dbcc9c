/**
 * `npm start`: the whole system, or with SERVICES a part of it, in one process; host.ts puts it together, and shutdown.ts
 * ends it. Moleculer's own runner comes by runner.ts instead.
 */
import "./heap.ts";
import { errorMessage } from "../../mixins/log/error-text.ts";
import { endLog, rootLogger } from "../../mixins/log/logging.ts";
import { type Config, ConfigError, loadConfig } from "../config/index.ts";
import { exitCodes, StartError } from "../contracts/exits.ts";
import { type CommandForm, commandLine } from "./command-line.ts";
import { startHost } from "./host.ts";
import { lifecycle } from "./shutdown.ts";
import { announce } from "./summary.ts";

const form: CommandForm = {
  name: "start",
  says: "The whole system in one process, or with SERVICES a part of it; docs/configuration.md has its variables.",
  exits: {
    [exitCodes.ok]: "stopped in order by a signal",
    [exitCodes.failure]: "the start or the run failed; the last line says why",
    [exitCodes.interrupted]: "stopped at once, because the signal came again",
  },
};

function configOrExit(): Config {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(exitCodes.config);
  }
}

let whenNobodyReads = (): void => process.exit(exitCodes.ok);
commandLine(form, { whenNobodyReads: () => whenNobodyReads() });
const config = configOrExit();
const log = rootLogger(config);
const runtimeLog = log.child({ service: "runtime" });
for (const warning of config.warnings) runtimeLog.warn(warning);
/** The last line of a start that failed. */
let failure: string | undefined;
const exit = (code: number): void =>
  void endLog(log).then(() => {
    if (failure !== undefined) process.stderr.write(`${failure}\n`);
    process.exit(code);
  });
const life = lifecycle(runtimeLog, { exit, drainMs: config.drainMs });
whenNobodyReads = () => void life.stop("nobody reads what it prints", exitCodes.ok);

try {
  const starting = startHost(config, log, life);
  life.starting(starting);
  await announce(await starting, log, runtimeLog);
} catch (error) {
  if (!life.signal.aborted) {
    failure = error instanceof StartError ? error.message : `Cannot start: ${errorMessage(error as Error)}`;
    if (!(error instanceof StartError)) runtimeLog.fatal({ err: error }, "Cannot start");
    await life.stop("the start failed", exitCodes.failure);
  }
}
