/**
 * `npm run migrate`: brings the databases that DATABASE_URL and REGISTRY_DATABASE_URL name up to date, and ends. Whoever
 * types it waits for an answer: a server that can't be reached is told within 5 s, where a start waits for it.
 */

import { rootLogger } from "../../mixins/log/logging.ts";
import { openClient } from "../../mixins/postgres/database-client.ts";
import { ConfigError, loadClientConfig } from "../config/index.ts";
import { exitCodes, UnreachableError } from "../contracts/exits.ts";
import { serviceNames } from "../contracts/services.ts";
import { type CommandForm, commandLine } from "../runtime/command-line.ts";
import { type DatabaseTarget, databaseTargets, prepareDatabases } from "../runtime/prepare-databases.ts";
import { reasonOf, serverOf } from "../runtime/reasons.ts";
import { runCommand } from "../runtime/run-command.ts";

const connectTimeoutMs = 3_000;
const form: CommandForm = {
  name: "migrate",
  says: "Brings the databases that DATABASE_URL and REGISTRY_DATABASE_URL name up to date.",
};

/** Throws UnreachableError. */
async function requireReachable({ variable, url }: DatabaseTarget): Promise<void> {
  try {
    const client = await openClient(url, {
      application_name: "mailroster-migrate",
      connectionTimeoutMillis: connectTimeoutMs,
    });
    await client.end();
  } catch (cause) {
    throw new UnreachableError(
      `Cannot migrate: the PostgreSQL of ${variable} at ${serverOf(url)} ${reasonOf(cause)}`,
      { cause },
    );
  }
}

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
  await Promise.all(targets.map(requireReachable));
  await prepareDatabases(targets, { log, signal: new AbortController().signal, way: "auto" });
  return exitCodes.ok;
}

commandLine(form);
await runCommand(migrate);
