/**
 * `npm start`: the whole system, or with SERVICES a part of it, in one process. The only place where a process is
 * put together and the only one that exits.
 *
 * Exit codes: 0 after a signal, 78 for a bad variable, 1 for a start or a run that failed, 130 when forced.
 */
import "./heap.ts";
import { createLogger } from "../../mixins/logging.ts";
import { type Config, ConfigError, loadConfig } from "../config/index.ts";
import { exitCodes, StartError } from "./errors.ts";
import { startHost } from "./host.ts";
import { lifecycle } from "./shutdown.ts";
import { summary } from "./summary.ts";

function configOrExit(): Config {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(exitCodes.config);
  }
}

const config = configOrExit();
const log = createLogger({
  level: config.logLevel,
  format: config.logFormat,
  pii: config.logPii,
  nodeId: config.nodeId,
});
const own = log.child({ service: "runtime" });
for (const warning of config.warnings) own.warn(warning);
const life = lifecycle(own);

try {
  const starting = startHost(config, log, life);
  life.starting(starting);
  const host = await starting;
  const { httpPort, opsPort, startMs } = host;
  own.info({ services: config.services, httpPort, opsPort, startMs: Math.round(startMs) }, "Ready");
  // One JSON object a line is a promise about stdout; people read stderr too.
  const screen = config.logFormat === "pretty" ? process.stdout : process.stderr;
  screen.write(`\n${summary(host)}\n\n`);
} catch (error) {
  if (!life.signal.aborted) {
    if (error instanceof StartError) process.stderr.write(`${error.message}\n`);
    else own.fatal({ err: error }, "Cannot start");
    await life.stop("the start failed", exitCodes.failure);
  }
}
