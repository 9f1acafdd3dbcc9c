/**
 * `npm run trace -- <correlation id> [--json]`: what became of a request. Joins the running system as the REPL does:
 * over RabbitMQ with AMQP_URL, else the system of the data folder. Changes nothing.
 *
 * Exit codes: 0 complete, 1 stuck or diverged, 2 in flight or not all could be seen, 3 nothing is known of the id,
 * 64 for a wrong command line (sysexits.h EX_USAGE), 69 when there is no system to ask (EX_UNAVAILABLE), 78 for a bad
 * variable.
 */
import type { ServiceBroker } from "moleculer";
import { createLogger } from "../../mixins/logging.ts";
import { callAction } from "../../mixins/platform.ts";
import { type Config, ConfigError, loadClientConfig } from "../config/index.ts";
import { Refusal } from "../contracts/errors.ts";
import { CorrelationId, type Trace, type TraceVerdict } from "../contracts/trace.ts";
import { ownerOf } from "./data-folder.ts";
import { exitCodes, StartError } from "./errors.ts";
import { serverOf } from "./summary.ts";
import { traceText } from "./trace-text.ts";
import { visitSystem } from "./visit.ts";

const serviceWaitMs = 10_000;
const traceTimeoutMs = 5_000;
const joinTimeoutMs = 15_000;
const codes = { notFound: 3, usage: 64, unavailable: 69 } as const;
const codeOf: Readonly<Record<TraceVerdict["state"], number>> = {
  complete: exitCodes.ok,
  stuck: 1,
  diverged: 1,
  "in flight": 2,
  unknown: 2,
};

async function explain(broker: ServiceBroker, correlationId: string): Promise<Trace> {
  await broker.waitForServices(["trace"], serviceWaitMs).catch(() => {
    throw new StartError("Cannot ask for a trace: no process that hosts gateway or users is there");
  });
  return callAction(broker, "trace.explain", { correlationId }, { timeout: traceTimeoutMs });
}

function doorOf(config: Config) {
  if (config.amqpUrl !== undefined) return undefined;
  const door = ownerOf(config.dataDir)?.door;
  if (door === undefined)
    throw new StartError(
      `Cannot ask for a trace: no system runs in ${config.dataDir} (npm start, or set DATA_DIR or AMQP_URL)`,
    );
  return door;
}

/** A broker waits for RabbitMQ for ever, and so would its stop; this process has nothing else to keep. */
function giveUpWhenLate(config: Config): NodeJS.Timeout {
  const where = config.amqpUrl === undefined ? config.dataDir : `RabbitMQ at ${serverOf(config.amqpUrl)}`;
  return setTimeout(() => {
    process.stderr.write(`Cannot ask for a trace: ${where} does not answer\n`);
    process.exit(codes.unavailable);
  }, joinTimeoutMs);
}

async function ask(correlationId: string, asJson: boolean): Promise<number> {
  const config = loadClientConfig(process.env, "trace");
  const { logPii: pii, nodeId } = config;
  const log = createLogger({ level: "silent", format: "json", pii, nodeId });
  const door = doorOf(config);
  const late = giveUpWhenLate(config);
  try {
    const trace = await visitSystem(config, log, door, (broker) => explain(broker, correlationId));
    process.stdout.write(`${asJson ? JSON.stringify(trace, undefined, 2) : traceText(trace)}\n`);
    return codeOf[trace.verdict.state];
  } finally {
    clearTimeout(late);
  }
}

function codeOfError(error: unknown): number {
  if (error instanceof ConfigError) return exitCodes.config;
  if (error instanceof Refusal && error.type === "not-found") return codes.notFound;
  return codes.unavailable;
}

const [id, ...others] = process.argv.slice(2).filter((word) => word !== "--json");
const correlationId = CorrelationId.safeParse(id);
if (!correlationId.success || others.length > 0) {
  process.stderr.write("Usage: npm run trace -- <correlation id> [--json]\n");
  process.exitCode = codes.usage;
} else
  try {
    process.exitCode = await ask(correlationId.data, process.argv.includes("--json"));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = codeOfError(error);
  }
