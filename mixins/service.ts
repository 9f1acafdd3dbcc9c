/**
 * Promise: a service that keeps data has what its row of the table of services says that it needs. Its database is open
 * before anything of the service starts and is closed after all of it has stopped; its health tells of each.
 */
import type { ServiceSchema } from "moleculer";
import { type DataServiceName, databaseOf, needsBus } from "../services/contracts/services.ts";
import type { HealthCheck } from "./basics/mixin.ts";
import { busCheck } from "./bus/bus-check.ts";
import { healthAction } from "./health.ts";
import type { Logger } from "./log/logging.ts";
import type { Platform } from "./platform.ts";
import { type Database, type DatabaseOptions, database } from "./postgres/database.ts";

export interface DatabaseUrls {
  readonly usersDatabaseUrl?: string | undefined;
  readonly registryDatabaseUrl?: string | undefined;
}

export interface DataService {
  /** Each line carries the service's name. */
  readonly log: Logger;
  readonly db: Database;
  /** Another pool of the same database, for what must not wait behind its work; the service lists its mixin. */
  pool(poolMax: number, statementTimeoutMs?: number): Database;
  /** A pool of another server with the same data, to be read, a standby as well; the service lists its mixin. */
  replica(url: string): Database;
  /** The whole schema: `own` without name, health and database. Of its mixins the last one starts first and stops last. */
  schema(own: Omit<ServiceSchema, "name">, checks?: Readonly<Record<string, HealthCheck>>): ServiceSchema;
}

type Settings = Pick<DatabaseOptions, "entities" | "poolMax" | "statementTimeoutMs" | "reading">;

/** Throws when the configuration does not say where its database is. */
export function dataService(
  name: DataServiceName,
  platform: Platform,
  urls: DatabaseUrls,
  settings: Settings,
): DataService {
  const setting = `${databaseOf(name)}DatabaseUrl` as const;
  const url = urls[setting];
  if (url === undefined)
    throw new Error(`Cannot make the service ${name}: the configuration has no ${setting}`);
  const log = platform.log.child({ service: name });
  const options = { ...settings, url, applicationName: `mailroster-${name}`, log };
  const db = database({ ...options, metrics: platform.metrics });
  const own = { database: db.check, ...(needsBus(name) && { bus: busCheck(platform.bus) }) };
  return {
    log,
    db,
    pool: (poolMax, statementTimeoutMs = settings.statementTimeoutMs) =>
      database({ ...options, poolMax, statementTimeoutMs }),
    replica: (replicaUrl) => database({ ...options, url: replicaUrl, reading: "of any" }),
    schema: ({ mixins = [], ...rest }, checks = {}) => ({
      name,
      mixins: [healthAction({ ...own, ...checks }), ...mixins, db.mixin],
      ...rest,
    }),
  };
}
