/**
 * A PostgreSQL of the run's own that can be crashed and started again on the same port with the same data. Unlike
 * that of the tests it is durable: a commit that it has told of survives SIGQUIT.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { embeddedBinaries, type PostgresBinaries } from "../../services/embedded/postgres-binaries.ts";
import { idsFor, postgresUser } from "../../services/embedded/postgres-user.ts";
import { eventually } from "../support/eventually.ts";
import { fixedPort } from "../support/fixed-port.ts";
import { hasEnded, runProgram, stopChild } from "../support/provision/command.ts";
import { installedBinaries } from "../support/provision/postgres.ts";

const startTimeoutMs = 60_000;
const connectTimeoutMs = 2_000;
const connectionsMax = 200;

export interface ChaosPostgres {
  /** The URL of one of its databases. */
  url(database: string): string;
  query<T>(database: string, sql: string): Promise<T[]>;
  /** Immediate shutdown: what a crash leaves. Resolves when it is gone. */
  crash(): Promise<void>;
  /** Resolves when it takes connections. */
  start(): Promise<void>;
  /** Puts a copy of a file into its folder, for its account alone: a certificate, a key. */
  install(file: string, name: string): void;
  /**
   * From its next start on it is a hot standby, which gets its news from the server at that URL or from nowhere;
   * `pg_promote()` ends that. Only a copy of a server can follow it.
   */
  becomeStandby(primary?: string): Promise<void>;
  /** A server on another port that has what this one had when it was last stopped, or before it was ever started. */
  copy(): Promise<ChaosPostgres>;
  remove(): Promise<void>;
}

/** One statement over a connection of its own. */
export async function queryOnce<T>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    application_name: "chaos",
  });
  client.on("error", () => {}); // shows as the failure of the query
  await client.connect();
  try {
    return (await client.query(sql)).rows as T[];
  } finally {
    await client.end().catch(() => {});
  }
}

const settingsFor = (port: number, more: readonly string[]): string[] =>
  [
    ...[`port=${port}`, "listen_addresses=127.0.0.1", "unix_socket_directories="],
    ...["fsync=on", "synchronous_commit=on", "full_page_writes=on"],
    `max_connections=${connectionsMax}`,
    ...more,
  ].flatMap((each) => ["-c", each]);

/** With more settings (`name=value`); rejects when there are no programs for it, or they do not start. */
export async function chaosPostgres(settings: readonly string[] = []): Promise<ChaosPostgres> {
  return server(settings, async (binaries, user, data) => {
    const initdb = user.command(binaries.initdb, [
      ...["-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"],
    ]);
    const made = await runProgram(initdb.program, initdb.args, idsFor(user, initdb.program));
    if (made.code !== 0) throw new Error(`Cannot make a PostgreSQL: ${made.stderr.trim()}`);
  });
}

type Fill = (
  binaries: PostgresBinaries,
  user: ReturnType<typeof postgresUser>,
  data: string,
) => Promise<void>;

async function server(settings: readonly string[], fill: Fill): Promise<ChaosPostgres> {
  const binaries = installedBinaries() ?? (await embeddedBinaries());
  const home = mkdtempSync(join(tmpdir(), "mailroster-chaos-pg-"));
  const user = postgresUser(binaries.postgres, home);
  if (user.ids !== undefined) chownSync(home, user.ids.uid, user.ids.gid);
  const data = join(home, "data");
  const log = join(home, "log");
  await fill(binaries, user, data);
  const port = await fixedPort();
  const program = user.command(binaries.postgres, ["-D", data, ...settingsFor(port, settings)]);
  let child: ChildProcess | undefined;

  const url = (database: string) => `postgresql://postgres@127.0.0.1:${port}/${database}`;
  const query = <T>(database: string, sql: string) => queryOnce<T>(url(database), sql);
  return {
    url,
    query,
    async crash() {
      if (child !== undefined) await stopChild(child, "SIGQUIT");
    },
    async start() {
      const output = openSync(log, "a");
      const started = spawn(program.program, program.args, {
        ...idsFor(user, program.program),
        detached: true,
        stdio: ["ignore", output, output],
      });
      started.on("error", () => {}); // shows as having ended
      child = started;
      await eventually(
        async () => {
          if (!hasEnded(started)) await query("postgres", "select 1");
        },
        { timeoutMs: startTimeoutMs },
      );
      if (hasEnded(started))
        throw new Error(`PostgreSQL has ended: ${readFileSync(log, "utf8").trim().split("\n").at(-1)}`);
    },
    install(file, name) {
      copyFileSync(file, join(data, name));
      chmodSync(join(data, name), 0o600);
      if (user.ids !== undefined) chownSync(join(data, name), user.ids.uid, user.ids.gid);
    },
    async becomeStandby(primary) {
      if (child !== undefined) await stopChild(child, "SIGINT");
      writeFileSync(join(data, "standby.signal"), "");
      if (primary !== undefined)
        appendFileSync(join(data, "postgresql.auto.conf"), `primary_conninfo = '${primary}'\n`);
    },
    copy: () =>
      server(settings, async (_binaries, { ids }, target) => {
        cpSync(data, target, { recursive: true });
        const entries = ["", ...readdirSync(target, { recursive: true, encoding: "utf8" })];
        if (ids !== undefined) for (const entry of entries) chownSync(join(target, entry), ids.uid, ids.gid);
        chmodSync(target, 0o700);
      }),
    async remove() {
      if (child !== undefined) await stopChild(child, "SIGQUIT");
      rmSync(home, { recursive: true, force: true });
    },
  };
}
