/** PgBouncer in transaction mode, as docs/configuration.md asks for it, before one server. */
import { spawn } from "node:child_process";
import { mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { idsFor, postgresUser } from "../../services/embedded/postgres-user.ts";
import { queryOnce } from "../chaos/postgres.ts";
import { eventually } from "./eventually.ts";
import { hasEnded, stopChild } from "./provision/command.ts";
import { pgbouncerProgram } from "./provision/pgbouncer.ts";
import type { Stops } from "./stops.ts";

const startTimeoutMs = 15_000;

interface PgbouncerOptions {
  /** For its files. */
  readonly folder: string;
  /** Where it listens. */
  readonly port: number;
  /** Of the server; whoever connects is its user. */
  readonly url: string;
  readonly stops: Stops;
  readonly poolSize?: number;
  /** 0: as one older than 1.21 does. */
  readonly preparedMax?: number;
}

/** Resolves once it leads to the server. */
export async function startPgbouncer(options: PgbouncerOptions): Promise<void> {
  const { folder, port, stops, poolSize = 30, preparedMax = 200 } = options;
  const { hostname, port: serverPort, username, password } = new URL(options.url);
  const login = `user=${decodeURIComponent(username)}${password && ` password=${decodeURIComponent(password)}`}`;
  const path = await pgbouncerProgram();
  const home = join(folder, "pgbouncer");
  mkdirSync(home, { recursive: true });
  const file = join(home, "pgbouncer.ini");
  const settings = [
    "[databases]",
    `* = host=${hostname} port=${serverPort || 5432} ${login}`,
    "[pgbouncer]",
    ...["listen_addr = 127.0.0.1", `listen_port = ${port}`, "auth_type = any", "unix_socket_dir ="],
    ...[
      "pool_mode = transaction",
      `max_prepared_statements = ${preparedMax}`,
      `default_pool_size = ${poolSize}`,
    ],
    ...["max_client_conn = 500", "ignore_startup_parameters = options,statement_timeout"],
  ];
  writeFileSync(file, `${settings.join("\n")}\n`);
  const user = postgresUser(path, folder);
  const command = user.command(path, [file]);
  const output = openSync(join(folder, "pgbouncer.log"), "a");
  const child = spawn(command.program, command.args, {
    ...idsFor(user, command.program),
    detached: true,
    stdio: ["ignore", output, output],
  });
  child.on("error", () => {}); // shows as having ended
  stops.add(() => stopChild(child, "SIGKILL", { group: true }));
  await eventually(
    async () => {
      const url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
      if (!hasEnded(child)) await queryOnce(url, "select 1");
    },
    { timeoutMs: startTimeoutMs },
  );
  if (hasEnded(child)) throw new Error(`PgBouncer has ended with code ${child.exitCode}`);
}
