/**
 * `npm run doctor`: is this installation healthy? Run it with the environment of the process that you doubt. It changes
 * nothing. `--json` is for machines. Exit codes: 0 healthy, 1 problems, 2 none found but not everything could be seen.
 */
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { createLogger } from "../../mixins/logging.ts";
import { type Config, ConfigError, loadConfig } from "../config/index.ts";
import { ownerOf } from "./data-folder.ts";
import { examineDatabase } from "./doctor/database.ts";
import { runningEmbeddedPostgres } from "./doctor/embedded.ts";
import { asJson, asText, exitCodeOf, type Finding, ok, problem, unknown } from "./doctor/findings.ts";
import { examineRabbitMq } from "./doctor/rabbitmq.ts";
import { examineGateway, examineSystem } from "./doctor/system.ts";
import { type DatabaseTarget, databaseTargets } from "./prepare-databases.ts";

const { deno, node } = process.versions;
const runtime = ok("this process", deno === undefined ? `Node ${node}` : `Deno ${deno}`);

async function databases(targets: readonly DatabaseTarget[]): Promise<Finding[]> {
  return (await Promise.all(targets.map(examineDatabase))).flat();
}

/** Everything in one process: what there is to see depends on whether it runs. */
async function examineAlone(config: Config): Promise<Finding[]> {
  const part = "system";
  const folder = resolve(config.dataDir);
  const owner = ownerOf(config.dataDir);
  const external = databaseTargets(config);
  if (owner === undefined) {
    const data = existsSync(join(folder, "postgres"))
      ? `its data is in ${folder}`
      : `there is no data in ${folder} yet`;
    const state = external.length > 0 ? "does not run" : `does not run, ${data}`;
    return [unknown(part, state, "npm start, then ask again"), ...(await databases(external))];
  }
  if (owner.door === undefined)
    return [unknown(part, `starts or stops just now (pid ${owner.pid})`, "ask again in a few seconds")];
  return [
    ok(part, `runs as pid ${owner.pid}, data in ${folder}`),
    ...(await databases(databaseTargets(withEmbedded(config)))),
    await gateway(config),
    ...(await examineSystem(config, quiet(config), owner.door)),
  ];
}

/** With the addresses of the embedded PostgreSQL, when the system of the data folder runs one. */
function withEmbedded(config: Config): Config {
  const external = config.usersDatabaseUrl !== undefined || config.registryDatabaseUrl !== undefined;
  if (external || ownerOf(config.dataDir) === undefined) return config;
  return { ...config, ...runningEmbeddedPostgres(resolve(config.dataDir)) };
}

async function examineParts(config: Config, amqpUrl: string): Promise<Finding[]> {
  const rabbit = await examineRabbitMq(amqpUrl, config.retryDelaysMs);
  const reachable = rabbit.length > 1;
  return [
    ...(await databases(databaseTargets(withEmbedded(config)))),
    ...rabbit,
    ...(config.services.includes("gateway") ? [await gateway(config)] : []),
    ...(reachable ? await examineSystem(config, quiet(config), undefined) : []),
  ];
}

async function gateway(config: Config): Promise<Finding> {
  if (config.gatewayUrl.endsWith(":0"))
    return unknown("gateway", "listens on any port (HTTP_PORT 0)", "set MAILROSTER_URL");
  return examineGateway(config.gatewayUrl);
}

/** The findings say what matters. */
const quiet = (config: Config) =>
  createLogger({ level: "silent", format: "json", pii: config.logPii, nodeId: config.nodeId });

async function examine(): Promise<Finding[]> {
  let config: Config;
  try {
    config = loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [problem("configuration", error.message, "docs/configuration.md")];
  }
  const asked = { ...config, nodeId: `doctor-${hostname()}-${process.pid}` };
  return config.amqpUrl === undefined ? examineAlone(asked) : examineParts(asked, config.amqpUrl);
}

// Whoever reads only the first lines has seen enough.
process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => process.exit(code === "EPIPE" ? 0 : 1));
const findings = [runtime, ...(await examine())];
process.stdout.write(`${process.argv.includes("--json") ? asJson(findings) : asText(findings)}\n`);
process.exitCode = exitCodeOf(findings);
