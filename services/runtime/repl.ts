/**
 * `npm run repl`: Moleculer's REPL in the running system. With AMQP_URL it joins over RabbitMQ; without, it joins
 * the embedded system of the data folder; when none runs there, it starts one and opens in it.
 */
import { userInfo } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { type BrokerOptions, type Middleware, ServiceBroker } from "moleculer";
import pretty from "pino-pretty";
import { createLogger, type Logger } from "../../mixins/logging.ts";
import { brokerOptions } from "../../moleculer.config.ts";
import { type Config, ConfigError, loadClientConfig, loadConfig } from "../config/index.ts";
import { ownerOf, type ReplDoor } from "./data-folder.ts";
import { exitCodes, StartError } from "./errors.ts";
import { startHost } from "./host.ts";
import { LoopbackTransporter } from "./loopback.ts";
import { customCommands } from "./repl/index.ts";
import { openTerminal } from "./repl-terminal.ts";
import { type Lifecycle, lifecycle } from "./shutdown.ts";
import { serverOf } from "./summary.ts";

const doorWaitMaxMs = 60_000;
const servicesWaitMs = 10_000;
const pollMs = 200;
const prompt = "mailroster>";
/** Moleculer's types know no custom commands. */
const replOptions = {
  delimiter: prompt,
  customCommands: customCommands((text) => void process.stdout.write(`${text}\n`)),
} as unknown as NonNullable<BrokerOptions["replOptions"]>;

/** The audit log shall tell who typed it. */
const asOperator = (): Middleware => {
  const actor = `repl:${userInfo().username}`;
  type Call = (action: string, params: unknown, options?: { meta?: object }) => unknown;
  return {
    name: "AsOperator",
    call: (next: Call): Call =>
      function call(this: unknown, action, params, options = {}) {
        return next.call(this, action, params, { ...options, meta: { actor, ...options.meta } });
      },
  } as unknown as Middleware;
};

async function join(config: Config, log: Logger, life: Lifecycle, door?: ReplDoor): Promise<ServiceBroker> {
  const options = brokerOptions(config, log);
  const broker = new ServiceBroker({
    ...options,
    ...(door === undefined ? {} : { transporter: new LoopbackTransporter(door.secret, door) }),
    middlewares: [...(options.middlewares ?? []), asOperator()],
    replOptions,
  });
  life.started("the REPL's node", () => broker.stop());
  await broker.start();
  await broker.waitForServices(["users", "smtp-registry", "audit"], servicesWaitMs).catch(() => {
    process.stderr.write("Not all services are here yet; see `services` and `nodes`.\n");
  });
  return broker;
}

/** The door of the running system; a system that is still starting is waited for. */
async function doorOf(config: Config, signal: AbortSignal): Promise<ReplDoor | undefined> {
  const deadline = Date.now() + doorWaitMaxMs;
  for (;;) {
    const owner = ownerOf(config.dataDir);
    if (owner === undefined || owner.door !== undefined) return owner?.door;
    if (Date.now() > deadline)
      throw new StartError(
        `Cannot join the mailroster with pid ${owner.pid}: it has been starting for ${doorWaitMaxMs / 1000} s`,
      );
    await delay(pollMs, undefined, { signal });
  }
}

async function open(
  config: Config,
  log: Logger,
  life: Lifecycle,
): Promise<{ broker: ServiceBroker; where: string }> {
  if (config.amqpUrl !== undefined)
    return {
      broker: await join(config, log, life),
      where: `joined the system over RabbitMQ at ${serverOf(config.amqpUrl)}`,
    };
  const door = await doorOf(config, life.signal);
  if (door !== undefined)
    return {
      broker: await join(config, log, life, door),
      where: `joined the running system of ${config.dataDir} (node ${door.nodeId})`,
    };
  const host = await startHost(loadConfig(process.env), log, life, {
    middlewares: [asOperator()],
    replOptions,
  });
  return {
    broker: host.broker,
    where: `no system was running, so this one was started (HTTP on port ${host.httpPort})`,
  };
}

const banner = (where: string): string =>
  [
    "",
    `mailroster REPL: ${where}`,
    "",
    "  users list, address ann@example.com, trace <correlation id>, outbox, dlq list, reconcile",
    "  call users.create --displayName Ann --primarySmtp ann@example.com",
    "  call audit.list",
    "  nodes, services, actions, info, bench …: see help; Ctrl-D leaves",
    "",
    "",
  ].join("\n");

async function main(): Promise<void> {
  const config = loadClientConfig(process.env, "repl");
  const log = createLogger(
    { level: "warn", format: "pretty", pii: config.logPii, nodeId: config.nodeId },
    pretty({ colorize: process.stderr.isTTY, destination: 2, sync: true }),
  );
  const life = lifecycle(log);
  const opening = open(config, log, life);
  life.starting(opening);
  try {
    const { broker, where } = await opening;
    process.stdout.write(banner(where));
    openTerminal(broker, () => void life.stop("the REPL was left", exitCodes.ok));
  } catch (error) {
    if (life.signal.aborted) return;
    if (error instanceof StartError || error instanceof ConfigError)
      process.stderr.write(`${error.message}\n`);
    else log.fatal({ err: error }, "Cannot open the REPL");
    await life.stop("the REPL could not be opened", exitCodes.failure);
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = exitCodes.config;
}
