/** HAProxy as the one address of the primary and of the gateways. */
import { spawn } from "node:child_process";
import { openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../../support/eventually.ts";
import { hasEnded, runProgram, stopChild } from "../../support/provision/command.ts";
import type { Stops } from "../../support/stops.ts";
import type { Program } from "./programs.ts";

const startTimeoutMs = 15_000;

export interface Backend {
  readonly name: string;
  readonly port: number;
  /** Where its health is asked. */
  readonly checkPort: number;
}

export interface HaproxyOptions {
  readonly haproxy: Program;
  readonly folder: string;
  readonly logFolder: string;
  readonly stops: Stops;
  readonly postgresPort: number;
  readonly httpPort: number;
  readonly members: readonly Backend[];
  readonly gateways: readonly Backend[];
}

const servers = (backends: readonly Backend[]): string[] =>
  backends.map(({ name, port, checkPort }) => `  server ${name} 127.0.0.1:${port} check port ${checkPort}`);

/** Sessions of a member that is no primary any more are ended; a request that reached no gateway goes to the other. */
const configuration = ({ postgresPort, httpPort, members, gateways }: HaproxyOptions): string[] => [
  "global",
  "  maxconn 8000",
  "defaults",
  "  timeout connect 2s",
  "listen postgres",
  `  bind 127.0.0.1:${postgresPort}`,
  "  mode tcp",
  "  timeout client 1h",
  "  timeout server 1h",
  "  option httpchk GET /primary",
  "  http-check expect status 200",
  "  default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions",
  ...servers(members),
  "listen gateways",
  `  bind 127.0.0.1:${httpPort}`,
  "  mode http",
  "  timeout client 30s",
  "  timeout server 15s",
  "  option httpchk GET /health/ready",
  "  retries 3",
  "  retry-on conn-failure",
  "  option redispatch 1",
  "  default-server inter 1s fall 2 rise 1",
  ...servers(gateways),
];

/** Resolves when it listens; whether anything behind it is up is not its to say. */
export async function startHaproxy(options: HaproxyOptions): Promise<void> {
  const { haproxy, folder, logFolder, stops } = options;
  const path = join(folder, "haproxy.cfg");
  writeFileSync(path, `${configuration(options).join("\n")}\n`);
  const env = { ...process.env, ...haproxy.environment };
  const checked = await runProgram(haproxy.path, [...haproxy.args, "-c", "-f", path], { env });
  if (checked.code !== 0) throw new Error(`HAProxy refuses its configuration: ${checked.stderr.trim()}`);
  const output = openSync(join(logFolder, "haproxy.log"), "a");
  const child = spawn(haproxy.path, [...haproxy.args, "-db", "-f", path], {
    detached: true,
    stdio: ["ignore", output, output],
    env,
  });
  child.on("error", () => {}); // shows as having ended
  stops.add(() => stopChild(child, "SIGKILL", { group: true }));
  await eventually(
    async () => {
      if (hasEnded(child)) return;
      await fetch(`http://127.0.0.1:${options.httpPort}/health/live`).then((answer) => answer.text());
    },
    { timeoutMs: startTimeoutMs },
  );
  if (hasEnded(child)) throw new Error(`HAProxy has ended with code ${child.exitCode}`);
}
