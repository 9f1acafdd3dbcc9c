/**
 * What a process of this configuration may reach, as flags of Deno, one a line: the addresses that it listens on and
 * connects to, the files that its variables name, its data folder. What does not depend on the configuration stands in
 * deno.json; sandboxed.sh puts both together (docs/adr/0047-a-process-may-what-its-role-needs.md).
 */
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { serversOf } from "../../mixins/postgres/database-url.ts";
import { type Config, ConfigError, loadConfig, variableNames } from "../config/index.ts";
import { exitCodes, StartError } from "../contracts/exits.ts";
import { authorityOf } from "../contracts/host.ts";
import { hostedServices, hostsEverything, usesBus, usesDatabase } from "../contracts/services.ts";
import { embeddedBinaries } from "../embedded/postgres-binaries.ts";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
/** By which a container is told from a machine. */
const marks = ["/.dockerenv", "/run/.containerenv"];
const defaultPorts: Readonly<Record<string, number>> = {
  ...{ "amqp:": 5672, "amqps:": 5671, "postgres:": 5432, "postgresql:": 5432, "http:": 80, "https:": 443 },
};

function authorityIn(text: string): string {
  const { protocol, hostname, port } = new URL(text);
  return authorityOf(hostname, port === "" ? (defaultPorts[protocol] ?? 0) : Number(port));
}

const startsPostgres = ({ services, usersDatabaseUrl, registryDatabaseUrl }: Config): boolean =>
  hostsEverything(services) && usersDatabaseUrl === undefined && registryDatabaseUrl === undefined;

/** It locks its data folder, and has a door there for the REPL. */
const ownsFolder = (config: Config): boolean => config.amqpUrl === undefined || startsPostgres(config);

/** Root hands PostgreSQL over to another account (services/embedded/postgres-user.ts). */
const rootsPrograms = ["/bin/sh", "mkdir", "setpriv", "useradd"];

async function programs(config: Config): Promise<readonly string[]> {
  // Who has a data folder, or had it.
  const aboutProcesses = [process.platform === "linux" ? "cat" : "ps"];
  if (!startsPostgres(config)) return ownsFolder(config) ? aboutProcesses : [];
  const { initdb, postgres, pg_ctl } = await embeddedBinaries();
  const isRoot = process.getuid?.() === 0;
  return [initdb, postgres, pg_ctl, ...aboutProcesses, ...(isRoot ? rootsPrograms : [])];
}

function databaseUrls({ services, ...config }: Config): readonly string[] {
  const urls = [
    ...(usesDatabase(services, "users") ? [config.usersDatabaseUrl, config.usersOwnerUrl] : []),
    ...(usesDatabase(services, "registry")
      ? [config.registryDatabaseUrl, config.registryOwnerUrl, config.registryReplicaUrl]
      : []),
  ];
  return urls.filter((url) => url !== undefined);
}

function addresses(config: Config): readonly string[] {
  const { services, amqpUrl, eventsAmqpUrl, oidc, otlpEndpoint } = config;
  const hostsGateway = services.includes("gateway");
  const brokers = [amqpUrl, usesBus(services) ? eventsAmqpUrl : undefined].flatMap(
    (urls) => urls?.split(";") ?? [],
  );
  return [
    authorityOf(config.opsHost, config.opsPort),
    ...(hostsGateway ? [authorityOf(config.httpHost, config.httpPort)] : []),
    ...(hostedServices(services).includes("mail-lookup") && config.socketmapPort !== undefined
      ? [authorityOf(config.socketmapHost, config.socketmapPort)]
      : []),
    // The embedded PostgreSQL and the door of the REPL have a free port of this machine.
    ...(ownsFolder(config) ? ["127.0.0.1"] : []),
    ...brokers.map(authorityIn),
    ...databaseUrls(config).flatMap(serversOf).map(authorityIn),
    ...(hostsGateway ? (oidc?.issuers ?? []).map(({ url }) => authorityIn(url)) : []),
    ...(otlpEndpoint === undefined ? [] : [authorityIn(otlpEndpoint)]),
  ];
}

const sslFiles = ["sslrootcert", "sslcert", "sslkey"];

function files(config: Config, environment: NodeJS.ProcessEnv): readonly string[] {
  const named = variableNames()
    .filter((name) => name.endsWith("_FILE"))
    .flatMap((name) => environment[name] || []);
  const parameters = databaseUrls(config).flatMap((url) => {
    const { searchParams } = new URL(serversOf(url)[0] ?? url);
    return sslFiles.flatMap((name) => searchParams.getAll(name));
  });
  return [...named, ...parameters].map((path) => resolve(path));
}

/** Throws when a path can't be said in a flag of Deno, which separates them by commas. */
function flag(name: string, values: readonly string[]): string {
  const wrong = values.find((value) => /[,\n]/.test(value));
  if (wrong !== undefined)
    throw new ConfigError(`Cannot allow ${wrong}: its name holds a comma or a line end`);
  return `--allow-${name}=${[...new Set(values)].join(",")}`;
}

async function reachOf(config: Config, environment: NodeJS.ProcessEnv): Promise<string[]> {
  const run = await programs(config);
  const dataDir = resolve(config.dataDir);
  const folder = ownsFolder(config);
  // Root looks up the account of PostgreSQL.
  const owned = folder ? [dataDir, "/etc/passwd"] : [];
  return [
    flag("net", addresses(config)),
    flag("read", [root, ...marks, ...files(config, environment), ...owned]),
    ...(folder ? [flag("write", [dataDir])] : []),
    ...(run.length > 0 ? [flag("run", run)] : []),
  ];
}

if (import.meta.main)
  try {
    const flags = await reachOf(loadConfig(process.env), process.env);
    process.stdout.write(`${flags.join("\n")}\n`);
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof StartError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(error instanceof ConfigError ? exitCodes.config : exitCodes.failure);
  }
