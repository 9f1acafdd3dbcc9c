/** `npm run migrate`: brings the databases that DATABASE_URL and REGISTRY_DATABASE_URL name up to date, and ends. */
import { createLogger } from "../../mixins/logging.ts";
import { ConfigError, loadClientConfig, serviceNames } from "../config/index.ts";
import { exitCodes, StartError } from "./errors.ts";
import { databaseTargets, prepareDatabases } from "./prepare-databases.ts";

async function main(): Promise<void> {
  const config = loadClientConfig(process.env, "migrate");
  const targets = databaseTargets({ ...config, services: serviceNames });
  if (targets.length === 0)
    throw new ConfigError(
      "DATABASE_URL or REGISTRY_DATABASE_URL is missing: there is nothing to migrate (the embedded PostgreSQL is migrated at every start)",
    );
  const log = createLogger({
    level: config.logLevel,
    format: config.logFormat,
    pii: config.logPii,
    nodeId: config.nodeId,
  });
  const aborter = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => aborter.abort(new Error(name)));
  await prepareDatabases(targets, log, aborter.signal);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof StartError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error instanceof ConfigError ? exitCodes.config : exitCodes.failure;
}
