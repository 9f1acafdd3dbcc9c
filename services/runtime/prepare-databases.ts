/**
 * Promise: the databases of the hosted services have the newest schema before a service starts. A server that can't
 * be reached yet is waited for (containers start in any order), every other fault is told at once.
 */
import { poll } from "../../mixins/basics/poll.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import { databaseFaultOf } from "../../mixins/postgres/database-faults.ts";
import type { Reading } from "../../mixins/postgres/database-servers.ts";
import { roleOf } from "../../mixins/postgres/database-url.ts";
import type { Config } from "../config/index.ts";
import { StartError } from "../contracts/exits.ts";
import { readsDatabase, usesDatabase } from "../contracts/services.ts";
import type { DatabaseName } from "./databases.ts";
import type { Turn } from "./migration-turn.ts";
import { migrate, requireMigrated } from "./migrations.ts";
import { serverOf } from "./reasons.ts";

const waitMaxMs = 60_000;
const pauseMs = 500;

export interface DatabaseTarget {
  readonly name: DatabaseName;
  readonly variable: string;
  readonly url: string;
  /** Of the role that owns the tables, where that is another one. */
  readonly ownerUrl?: string | undefined;
  /** Nobody of this process writes there, so it migrates nothing: it waits for who does. */
  readonly reading?: Reading | undefined;
}

/** By MIGRATE: each resolves with the names of what it has applied. */
const ways = {
  auto: ({ name, url, ownerUrl }: DatabaseTarget, turn: Turn) =>
    ownerUrl === undefined ? migrate(name, url, turn) : migrate(name, ownerUrl, turn, roleOf(url)),
  check: ({ name, url, reading }: DatabaseTarget) => requireMigrated(name, url, reading),
} as const;

export interface Preparation {
  readonly log: Logger;
  /** Of the process that is to stop. */
  readonly signal: AbortSignal;
  readonly way: keyof typeof ways;
  /** The folder of our own server. */
  readonly embeddedIn?: string | undefined;
}

/** What an operator calls it: the variable and its server, or the PostgreSQL that nobody has named. */
const calledBy = (embeddedIn: string | undefined, { variable, url }: DatabaseTarget): string =>
  embeddedIn === undefined ? `${variable} (${serverOf(url)})` : `the embedded PostgreSQL in ${embeddedIn}`;

/** Where it is asked for the schema: a reader has to start while the primary is away. */
function readerTarget({ registryDatabaseUrl, registryReplicaUrl }: Config) {
  return registryReplicaUrl === undefined
    ? ({ variable: "REGISTRY_DATABASE_URL", url: registryDatabaseUrl, reading: "of the primary" } as const)
    : ({ variable: "REGISTRY_REPLICA_URL", url: registryReplicaUrl, reading: "of any" } as const);
}

/** The databases that a process with this configuration uses. */
export function databaseTargets(config: Config): DatabaseTarget[] {
  const { services } = config;
  const all = [
    { name: "users", variable: "DATABASE_URL", url: config.usersDatabaseUrl, ownerUrl: config.usersOwnerUrl },
    {
      name: "registry",
      ...(readsDatabase(services, "registry")
        ? readerTarget(config)
        : {
            variable: "REGISTRY_DATABASE_URL",
            url: config.registryDatabaseUrl,
            ownerUrl: config.registryOwnerUrl,
          }),
    },
  ] as const;
  return all.flatMap(({ url, ...target }) =>
    url !== undefined && usesDatabase(services, target.name) ? { ...target, url } : [],
  );
}

async function prepare(target: DatabaseTarget, preparation: Preparation): Promise<void> {
  const { name } = target;
  const { signal, way, embeddedIn } = preparation;
  const log = preparation.log.child({ service: "runtime" });
  const called = calledBy(embeddedIn, target);
  let lastReason = "";
  const attempt = async (): Promise<StartError | undefined> => {
    try {
      const onWait = (holder: string): void =>
        log.warn({ database: name }, `Waiting to migrate ${called}: it is the turn of ${holder}`);
      const applied = await ways[target.reading === undefined ? way : "check"](target, { signal, onWait });
      log.info({ database: name, applied }, "The database schema is up to date");
      return undefined;
    } catch (cause) {
      if (target.reading !== undefined && cause instanceof StartError) {
        if (cause.message !== lastReason) log.warn({ database: name }, `Waiting: ${cause.message}`);
        lastReason = cause.message;
        return cause;
      }
      const fault = databaseFaultOf(cause);
      if (fault?.kind !== "outage") throw cause;
      const { means } = fault;
      const error = new StartError(`Cannot use ${called}: ${means}`, { cause });
      if (fault.atStart === "refuse") throw error;
      if (means !== lastReason) log.warn({ database: name }, `Waiting for the server of ${called}: ${means}`);
      lastReason = means;
      return error;
    }
  };
  const pace = { everyMs: pauseMs, maxMs: waitMaxMs, signal };
  const failure = await poll(attempt, (error) => error === undefined, pace);
  if (failure !== undefined) throw failure;
}

/** Throws StartError, or the signal's reason when the process is to stop. */
export async function prepareDatabases(
  targets: readonly DatabaseTarget[],
  preparation: Preparation,
): Promise<void> {
  // Every attempt has ended before a failure is told: the server may be stopped right after.
  const results = await Promise.allSettled(targets.map((target) => prepare(target, preparation)));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
