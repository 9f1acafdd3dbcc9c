/**
 * Promise: the databases of the hosted services have the newest schema before a service starts. A server that can't
 * be reached yet is waited for (containers start in any order), every other fault is told at once.
 */
import { setTimeout as delay } from "node:timers/promises";
import { isDatabaseUnavailable } from "../../mixins/database.ts";
import type { Logger } from "../../mixins/logging.ts";
import { type Config, usersDatabaseServices } from "../config/index.ts";
import type { DatabaseName } from "./databases.ts";
import { StartError } from "./errors.ts";
import { migrate } from "./migrations.ts";

const waitMaxMs = 60_000;
const pauseMs = 500;

export interface DatabaseTarget {
  readonly name: DatabaseName;
  readonly variable: string;
  readonly url: string;
}

/** The databases that a process with this configuration writes to. */
export function databaseTargets(config: Config): DatabaseTarget[] {
  const targets: DatabaseTarget[] = [];
  const hostsUsers = config.services.some((name) => usersDatabaseServices.includes(name));
  if (hostsUsers && config.usersDatabaseUrl !== undefined)
    targets.push({ name: "users", variable: "DATABASE_URL", url: config.usersDatabaseUrl });
  if (config.services.includes("smtp-registry") && config.registryDatabaseUrl !== undefined)
    targets.push({ name: "registry", variable: "REGISTRY_DATABASE_URL", url: config.registryDatabaseUrl });
  return targets;
}

/** PostgreSQL's own words for these hold names of users and databases; an operator needs no more than the kind. */
const faults: Record<string, string> = {
  "3D000": "its database does not exist",
  "28P01": "the server refuses its user or password",
  "28000": "the server refuses its user",
  "42501": "its user may not create tables",
};

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code);
const connectTimedOut = (error: unknown): boolean =>
  error instanceof Error && error.message === "timeout expired";

async function prepare(target: DatabaseTarget, root: Logger, signal: AbortSignal): Promise<void> {
  const log = root.child({ service: "runtime" });
  const deadline = Date.now() + waitMaxMs;
  for (let waited = false; ; waited = true) {
    signal.throwIfAborted();
    try {
      const applied = await migrate(target.name, target.url);
      log.info({ database: target.name, applied }, "The database schema is up to date");
      return;
    } catch (cause) {
      const fault = faults[codeOf(cause)];
      if (fault !== undefined) throw new StartError(`Cannot use ${target.variable}: ${fault}`, { cause });
      if (!isDatabaseUnavailable(cause) && !connectTimedOut(cause)) throw cause;
      if (Date.now() > deadline)
        throw new StartError(
          `Cannot use ${target.variable}: its server could not be reached for ${waitMaxMs / 1000} s`,
          { cause },
        );
    }
    if (!waited) log.warn({ database: target.name }, `Waiting for the server of ${target.variable}`);
    await delay(pauseMs, undefined, { signal });
  }
}

/** Throws StartError, or the signal's reason when the process is to stop. */
export async function prepareDatabases(
  targets: readonly DatabaseTarget[],
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  // Every attempt has ended before a failure is told: the server may be stopped right after.
  const results = await Promise.allSettled(targets.map((target) => prepare(target, log, signal)));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
