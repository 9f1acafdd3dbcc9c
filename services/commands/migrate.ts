/**
 * `npm run migrate`: brings the databases that DATABASE_URL and REGISTRY_DATABASE_URL name up to date, and ends. Whoever
 * types it waits for an answer: a server that can't be reached is told within 5 s, where a start waits for it.
 */

import { rootLogger } from "../../mixins/log/logging.ts";
import { ConfigError, loadClientConfig } from "../config/index.ts";
import { exitCodes } from "../contracts/exits.ts";
import { serviceNames } from "../contracts/services.ts";
import { type CommandForm, commandLine } from "../runtime/command-line.ts";
import { databaseTargets, prepareDatabases } from "../runtime/prepare-databases.ts";
import { runCommand } from "../runtime/run-command.ts";
import { requireReachable } from "./reachable-database.ts";

const form: CommandForm = {
  name: "migrate",
  says: "Brings the databases that DATABASE_URL and REGISTRY_DATABASE_URL name up to date.",
};

async function migrate(): Promise<number> {
  const config = loadClientConfig(process.env, "migrate");
  const targets = databaseTargets({ ...config, services: serviceNames });
  if (targets.length === 0)
    throw new ConfigError(
      "DATABASE_URL or REGISTRY_DATABASE_URL is missing: there is nothing to migrate (the embedded PostgreSQL is migrated at every start)",
    );
  const log = rootLogger(config);
  // A change that waits for a lock hears no signal; one that is cut off has changed nothing.
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.once(name, () => process.exit(exitCodes.interrupted));
  await Promise.all(
    targets.map((target) => requireReachable("migrate", { ...target, url: target.ownerUrl ?? target.url })),
  );
  await prepareDatabases(targets, { log, signal: new AbortController().signal, way: "auto" });
  return exitCodes.ok;
}

commandLine(form);
await runCommand(migrate);
