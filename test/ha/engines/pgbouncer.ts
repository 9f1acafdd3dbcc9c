/** PgBouncer in transaction mode, as docs/configuration.md asks for it, before the address of the primary. */
import { spawn } from "node:child_process";
import { mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { idsFor, postgresUser } from "../../../services/embedded/postgres-user.ts";
import { queryOnce } from "../../chaos/postgres.ts";
import { eventually } from "../../support/eventually.ts";
import { fixedPort } from "../../support/fixed-port.ts";
import { findProgram, hasEnded, runProgram, stopChild } from "../../support/provision/command.ts";
import type { Stops } from "../../support/stops.ts";

const startTimeoutMs = 15_000;
/** The first one that keeps prepared statements apart in transaction mode. */
const oldestUsable = [1, 21] as const;

/** Rejects with what is missing. The environment's PGBOUNCER is a newer one than the distribution's. */
export async function usablePgbouncer(): Promise<string> {
  const path = process.env.PGBOUNCER || findProgram("pgbouncer", ["/usr/sbin", "/usr/local/sbin"]);
  const wanted = `PgBouncer ${oldestUsable.join(".")} or later is needed; PGBOUNCER names one`;
  if (path === undefined) throw new Error(`there is no pgbouncer on the PATH: ${wanted}`);
  const { stdout } = await runProgram(path, ["--version"]);
  const [, major = 0, minor = 0] = (/PgBouncer (\d+)\.(\d+)/.exec(stdout) ?? []).map(Number);
  if (major < oldestUsable[0] || (major === oldestUsable[0] && minor < oldestUsable[1]))
    throw new Error(`${path} is ${major}.${minor}, without max_prepared_statements: ${wanted}`);
  return path;
}

/** Resolves with the port where it listens; what is behind it is `primaryPort`. */
export async function startPgbouncer(folder: string, primaryPort: number, stops: Stops): Promise<number> {
  const path = await usablePgbouncer();
  const port = await fixedPort();
  const home = join(folder, "pgbouncer");
  mkdirSync(home, { recursive: true });
  const file = join(home, "pgbouncer.ini");
  const settings = [
    "[databases]",
    `* = host=127.0.0.1 port=${primaryPort} user=postgres`,
    "[pgbouncer]",
    ...["listen_addr = 127.0.0.1", `listen_port = ${port}`, "auth_type = any", "unix_socket_dir ="],
    ...["pool_mode = transaction", "max_prepared_statements = 200", "default_pool_size = 30"],
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
  return port;
}
