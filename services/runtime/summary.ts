/** What a person is told when the system is up: what runs where, and a first request to try. */
import { poll } from "../../mixins/basics/poll.ts";
import { type Logger, printBehindLog } from "../../mixins/log/logging.ts";
import type { Config } from "../config/index.ts";
import type { Health } from "../contracts/actions.ts";
import { reachableAuthority } from "../contracts/host.ts";
import { downIn } from "./gateways.ts";
import { serverOf } from "./reasons.ts";

/** RabbitMQ is connected to within less; what is not there then is told. */
const settleMaxMs = 3_000;
const pollMs = 50;

export interface RunningSystem {
  readonly config: Config;
  /** undefined: the gateway runs elsewhere. */
  readonly httpPort: number | undefined;
  readonly opsPort: number;
  /** The folder of the embedded PostgreSQL, when it is used. */
  readonly embeddedIn: string | undefined;
  readonly startMs: number;
}

function storage({ config, embeddedIn }: RunningSystem): string {
  if (embeddedIn !== undefined) return `embedded PostgreSQL, data in ${embeddedIn}`;
  const urls = [config.usersDatabaseUrl, config.registryDatabaseUrl].flatMap((url) => url ?? []);
  return urls.length === 0 ? "none" : `PostgreSQL at ${urls.map(serverOf).join(" and ")}`;
}

/** The health once it is good, or what it is after a little while. */
const settledHealth = (health: () => Promise<Health>): Promise<Health> =>
  poll(health, ({ status }) => status === "up", { everyMs: pollMs, maxMs: settleMaxMs });

const headline = (startMs: number, health: Health): string => {
  const after = `after ${(startMs / 1000).toFixed(1)} s`;
  if (health.status === "up") return `mailroster is up ${after}`;
  return `mailroster has started ${after}, and is not ready: ${downIn(health)}`;
};

/** Several lines, without a newline at the end. */
export function summary(system: RunningSystem, ready: Health): string {
  const { config, httpPort, opsPort } = system;
  const { deno } = process.versions;
  const runtime = deno === undefined ? `Node ${process.versions.node}` : `Deno ${deno}`;
  const http = `http://${reachableAuthority(config.httpHost, httpPort ?? 0)}`;
  const events = config.amqpUrl === undefined ? "in this process" : `RabbitMQ at ${serverOf(config.amqpUrl)}`;
  const page = config.hasConsole ? `; console: ${http}/console` : "";
  const lines = [
    headline(system.startMs, ready),
    `  services  ${config.services.join(", ")} (${runtime}, pid ${process.pid})`,
    `  data      ${storage(system)}`,
    `  events    ${events}`,
    `  health    http://${reachableAuthority(config.opsHost, opsPort)}/health/ready and /metrics`,
  ];
  if (httpPort === undefined) return lines.join("\n");
  const token = config.auth === "required" ? ' -H "authorization: Bearer $MAILROSTER_TOKEN"' : "";
  return [
    ...lines,
    `  HTTP      ${http} (documentation: ${http}/docs${page})`,
    "",
    "Try:",
    ...(token === ""
      ? []
      : ["  export MAILROSTER_TOKEN=$(npm run --silent key -- create --name me --role owner)"]),
    `  curl -s ${http}/users${token} -H 'content-type: application/json' -d '{"displayName":"Ann Example","primarySmtp":"ann@example.com"}'`,
    `  curl -s ${http}/smtp/ann@example.com${token}`,
    "",
    "Ctrl-C stops it.",
  ].join("\n");
}

/** The line of the log by which machines know that it runs, and behind it the summary. */
export async function announce(
  host: RunningSystem & { health(): Promise<Health> },
  log: Logger,
  runtimeLog: Logger,
): Promise<void> {
  const { config, httpPort, opsPort, startMs } = host;
  runtimeLog.info({ services: config.services, httpPort, opsPort, startMs: Math.round(startMs) }, "Ready");
  await printBehindLog(log, `\n${summary(host, await settledHealth(host.health))}\n\n`);
}
