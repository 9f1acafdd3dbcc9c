/**
 * The server process of the embedded PostgreSQL: started, waited for, watched, stopped. It gets a session of its own
 * (`detached`), or Ctrl-C in a terminal would stop it together with us.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, fstatSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { pause, within } from "../../mixins/basics/pause.ts";
import { poll } from "../../mixins/basics/poll.ts";
import { readProc } from "../../mixins/basics/proc.ts";
import { retry } from "../../mixins/basics/retry.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import { databaseFaultOf } from "../../mixins/postgres/database-faults.ts";
import { StartError } from "../contracts/exits.ts";
import type { EmbeddedBinaries } from "./postgres-binaries.ts";
import { isDiskFull, reasonOfEnd } from "./postgres-reasons.ts";
import { idsFor, type PostgresUser } from "./postgres-user.ts";

/** Those that it holds: the users side's, and the registry's. Each is served by a role of its name, which owns nothing. */
export const databases = ["mailroster_users", "mailroster_registry"] as const;
/** Owns the databases and migrates them. */
const owner = "postgres";
/** Recovery after a crash replays the log first. */
const startDeadlineMs = 120_000;
const stopDeadlineMs = 10_000;
const orphanDeadlineMs = 30_000;
const pollMs = 50;
const restartPauseMinMs = 500;
const restartPauseMaxMs = 10_000;
const logBytesMax = 10 * 1024 * 1024;

export interface Installation extends EmbeddedBinaries {
  readonly user: PostgresUser;
  readonly dataDir: string;
  /** PostgreSQL's own folder, inside the data folder. */
  readonly cluster: string;
  readonly logFile: string;
  readonly password: string;
}

function commandLineOf(pid: number): string {
  if (process.platform !== "linux")
    return spawnSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" }).stdout ?? "";
  try {
    return readProc(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** By PostgreSQL's own program: Deno lets nobody signal a process that may not run every program. */
function interrupt({ pg_ctl, user }: Installation, pid: number): void {
  const { program, args } = user.command(pg_ctl, ["kill", "INT", String(pid)]);
  spawnSync(program, args, idsFor(user, program));
}

/** Stops the server that a killed process left behind. We hold the data folder, so it belongs to nobody else. */
export async function stopOrphan(installation: Installation, log: Logger): Promise<void> {
  const pidFile = join(installation.cluster, "postmaster.pid");
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, "utf8").split("\n")[0]);
  const isOurs = () => commandLineOf(pid).includes(installation.cluster);
  if (Number.isSafeInteger(pid) && pid > 1 && isOurs()) {
    log.warn({ pid }, "Stopping the PostgreSQL that a killed process left behind");
    interrupt(installation, pid);
    if (await poll(isOurs, (is) => !is, { everyMs: pollMs, maxMs: orphanDeadlineMs }))
      throw new StartError(
        `Cannot use the data folder ${installation.dataDir}: the PostgreSQL with pid ${pid} that was left behind does not stop`,
      );
  }
  // PostgreSQL takes any living process with that pid for a server, even a stranger's after a reboot.
  rmSync(pidFile, { force: true });
}

export interface Server {
  readonly child: ChildProcess;
  /** Why it has ended, once it has. */
  reason(): string;
}

export function launch(installation: Installation, port: number): Server {
  const { dataDir, logFile, user } = installation;
  const tooLong = existsSync(logFile) && statSync(logFile).size > logBytesMax;
  const log = openSync(logFile, tooLong ? "w" : "a", 0o600);
  const settings = [`port=${port}`, "listen_addresses=127.0.0.1", "unix_socket_directories="];
  const { program, args } = user.command(installation.postgres, [
    ...["-D", installation.cluster],
    ...settings.flatMap((setting) => ["-c", setting]),
  ]);
  const logBytes = fstatSync(log).size;
  try {
    const child = spawn(program, args, {
      ...idsFor(user, program),
      detached: true,
      stdio: ["ignore", log, log],
      env: { ...process.env, LC_ALL: "C" },
    });
    return { child, reason: () => reasonOfEnd(dataDir, logFile, logBytes) };
  } finally {
    closeSync(log);
  }
}

export const urlOf = (
  { password }: Pick<Installation, "password">,
  port: number,
  name: string,
  role: string = owner,
): string => `postgresql://${role}:${password}@127.0.0.1:${port}/${name}`;

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

const hasEnded = ({ child }: Server): boolean => child.exitCode !== null || child.signalCode !== null;

/** Whether both databases exist now; false while the server can't be asked. Rejects with what time does not mend. */
async function hasDatabases(installation: Installation, port: number): Promise<boolean> {
  const client = await connect(installation, port);
  if (client === undefined) return false;
  try {
    for (const name of databases) {
      const result = await client.query("select 1 from pg_database where datname = $1", [name]);
      if (result.rowCount === 0) await client.query(`create database ${name}`);
      const role = await client.query("select 1 from pg_roles where rolname = $1", [name]);
      const password = client.escapeLiteral(installation.password);
      if (role.rowCount === 0) await client.query(`create role ${name} login password ${password}`);
    }
    return true;
  } catch (cause) {
    const fault = databaseFaultOf(cause);
    if (fault?.kind === "outage" && fault.atStart === "wait") return false;
    throw new StartError(
      `Cannot make the databases of the embedded PostgreSQL in ${installation.dataDir}: ${fault?.means ?? "it refuses"}`,
      { cause },
    );
  } finally {
    await client.end().catch(() => {}); // its connection is gone
  }
}

/** Resolves when the server takes connections and both databases exist; rejects with StartError when it ends before. */
export async function untilReady(installation: Installation, port: number, server: Server): Promise<void> {
  let fault: Error | undefined;
  server.child.once("error", (error) => {
    fault = error;
  });
  const isOver = (): boolean => fault !== undefined || hasEnded(server);
  const isReady = await poll(
    async () => !isOver() && (await hasDatabases(installation, port)),
    (ready) => ready || isOver(),
    { everyMs: pollMs, maxMs: startDeadlineMs },
  );
  if (!isReady)
    throw new StartError(`Cannot start the embedded PostgreSQL: ${fault?.message ?? server.reason()}`);
}

/** A checkpoint needs room; without it the log is replayed at the next start, as after a crash. */
export async function stopServer({ dataDir }: Installation, server: Server): Promise<void> {
  if (hasEnded(server)) return;
  const { child } = server;
  const exit = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  // "fast" rolls back what runs, writes everything and leaves; "immediate" just leaves.
  child.kill(isDiskFull(dataDir) ? "SIGQUIT" : "SIGINT");
  await within(stopDeadlineMs, "too late", exit).catch(() => child.kill("SIGQUIT"));
}

/** Watches a server that is ready, and, once it is to be kept up, starts it anew whenever it ends by itself. */
export function keepRunning(installation: Installation, port: number, first: Server, log: Logger) {
  let server = first;
  const stopping = new AbortController();
  let keeping = false;
  const failed = new AbortController();

  const startAgain = async (): Promise<void> => {
    await stopOrphan(installation, log);
    if (stopping.signal.aborted) return;
    server = launch(installation, port);
    await untilReady(installation, port, server);
    log.info("The embedded PostgreSQL runs again");
    watch();
  };
  const restart = async (): Promise<void> => {
    let lastReason = "";
    const { signal } = stopping;
    await pause(restartPauseMinMs, signal);
    await retry(startAgain, {
      minMs: 2 * restartPauseMinMs,
      maxMs: restartPauseMaxMs,
      signal,
      mayPass(error) {
        const reason = (error as Error).message;
        if (reason !== lastReason) log.error({ reason }, "The embedded PostgreSQL does not start again yet");
        lastReason = reason;
        return true;
      },
    }).catch(() => {}); // only being stopped ends it
  };
  const watch = () =>
    server.child.once("exit", (code, signal) => {
      if (stopping.signal.aborted) return;
      const reason = server.reason();
      if (!keeping)
        return failed.abort(new StartError(`Cannot go on without the embedded PostgreSQL: ${reason}`));
      log.error({ code, signal, reason }, "The embedded PostgreSQL ended by itself and is started again");
      void restart();
    });
  watch();
  return {
    ended: failed.signal,
    keepUp(): void {
      keeping = true;
    },
    async stop(): Promise<void> {
      stopping.abort();
      await stopServer(installation, server);
    },
    abandon(): void {
      stopping.abort();
      server.child.kill("SIGINT");
    },
  };
}
