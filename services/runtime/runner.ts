/**
 * What `npx moleculer-runner -c moleculer.config.ts services` hosts: the services that SERVICES names, put together as
 * `npm start` puts them together, on the broker that Moleculer's runner makes.
 *
 * The runner would look for `*.service.js` files in what its command line and SERVICES name. There are none: a service
 * here is made from its platform (database, bus, metrics), so nothing is left for it to look for.
 */
import "./heap.ts";
import type { BrokerOptions } from "moleculer";
import { rootLogger } from "../../mixins/log/logging.ts";
import { ConfigError, loadConfig } from "../config/index.ts";
import { exitCodes, StartError } from "../contracts/exits.ts";
import { prepareHost } from "./host.ts";
import { lifecycle } from "./shutdown.ts";
import { announce } from "./summary.ts";

function refuse(error: unknown): never {
  if (!(error instanceof ConfigError || error instanceof StartError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(error instanceof ConfigError ? exitCodes.config : exitCodes.failure);
}

/** What is started stops with the process, whoever ends it: a signal, the REPL's exit, a fault. */
async function hostOptions(): Promise<BrokerOptions> {
  const config = loadConfig(process.env);
  const log = rootLogger(config);
  const runtimeLog = log.child({ service: "runtime" });
  for (const warning of config.warnings) runtimeLog.warn(warning);
  const life = lifecycle(runtimeLog, { drainMs: config.drainMs });
  const preparing = prepareHost(config, log, life);
  life.starting(preparing);
  const prepared = await preparing;
  return {
    ...prepared.options,
    created: (broker) => prepared.addServices(broker),
    started: async (broker) => announce(await prepared.announce(broker), log, runtimeLog),
  };
}

/** `runner` is Moleculer's runner. */
export async function runnerOptions(runner: unknown): Promise<BrokerOptions> {
  const options = await hostOptions().catch(refuse);
  if (typeof runner === "object" && runner !== null) Object.assign(runner, { loadServices: () => {} });
  return options;
}
