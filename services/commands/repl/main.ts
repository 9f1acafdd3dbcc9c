/**
 * `npm run repl`: Moleculer's REPL in the running system. With AMQP_URL it joins over RabbitMQ; without, it joins
 * the embedded system of the data folder; when none runs there, it starts one and opens in it.
 */
import type { BrokerOptions, Middleware, ServiceBroker } from "moleculer";
import pretty from "pino-pretty";
import { hasColours } from "../../../mixins/basics/colours.ts";
import { operator } from "../../../mixins/context/operator.ts";
import { type Logger, rootLogger } from "../../../mixins/log/logging.ts";
import { openTerminal } from "../../../mixins/patches/moleculer-repl.ts";
import { type Config, loadClientConfig, loadConfig } from "../../config/index.ts";
import { exitCodes } from "../../contracts/exits.ts";
import { hostedServices, serviceNames } from "../../contracts/services.ts";
import { type CommandForm, commandLine } from "../../runtime/command-line.ts";
import { ownerOf } from "../../runtime/data-folder.ts";
import { startHost } from "../../runtime/host.ts";
import { exitCodeOf, runCommand } from "../../runtime/run-command.ts";
import { type Lifecycle, lifecycle } from "../../runtime/shutdown.ts";
import { joinSystem, systemOf } from "../join.ts";
import { customCommands } from "./index.ts";

const form: CommandForm = {
  name: "repl",
  says: "Moleculer's REPL in the running system: the one of AMQP_URL, else of the data folder, else a fresh embedded one.",
};
const prompt = "mailroster>";
/** Moleculer's types know no custom commands. */
const replOptions = {
  delimiter: prompt,
  customCommands: customCommands((text) => void process.stdout.write(`${text}\n`)),
} as unknown as NonNullable<BrokerOptions["replOptions"]>;

const asOperator = (): Middleware => {
  const actor = operator();
  type Call = (action: string, params: unknown, options?: { meta?: object }) => unknown;
  return {
    name: "AsOperator",
    call: (next: Call): Call =>
      function call(this: unknown, action, params, options = {}) {
        return next.call(this, action, params, { ...options, meta: { actor, ...options.meta } });
      },
  } as unknown as Middleware;
};

interface Opened {
  readonly broker: ServiceBroker;
  readonly where: string;
}

async function join(config: Config, log: Logger, life: Lifecycle): Promise<Opened> {
  const hopes = hostedServices(serviceNames);
  const { broker, where, leave } = await joinSystem(config, log, {
    doing: "open the REPL",
    hopes,
    extras: { middlewares: [asOperator()], replOptions },
  });
  life.started("the REPL's node", leave);
  const { services } = systemOf(broker);
  const missing = hopes.filter((name) => !services.includes(name));
  if (missing.length > 0)
    process.stderr.write(`Not here: ${missing.join(", ")}; see \`services\` and \`nodes\`.\n`);
  return { broker, where: `joined ${config.amqpUrl === undefined ? where : `the system over ${where}`}` };
}

async function open(config: Config, log: Logger, life: Lifecycle): Promise<Opened> {
  if (config.amqpUrl !== undefined || ownerOf(config.dataDir) !== undefined) return join(config, log, life);
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

/** Ends by the REPL being left, or by a signal; resolves with an exit code when it could not be opened. */
async function main(): Promise<number> {
  const config = loadClientConfig(process.env, "repl");
  const log = rootLogger(
    { ...config, logLevel: "warn" },
    pretty({ colorize: hasColours(process.stderr), destination: 2, sync: true }),
  );
  const life = lifecycle(log);
  const opening = open(config, log, life);
  life.starting(opening);
  try {
    const { broker, where } = await opening;
    process.stdout.write(banner(where));
    openTerminal(broker, () => void life.stop("the REPL was left", exitCodes.ok));
  } catch (error) {
    if (!life.signal.aborted) {
      const code = exitCodeOf(error);
      if (code === undefined) log.fatal({ err: error }, "Cannot open the REPL");
      else process.stderr.write(`${(error as Error).message}\n`);
      await life.stop("the REPL could not be opened", code ?? exitCodes.failure);
    }
  }
  return new Promise(() => {});
}

commandLine(form);
await runCommand(main);
