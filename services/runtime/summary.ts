/** What a person is told when the system is up: what runs where, and a first request to try. */
import type { Config } from "../config/index.ts";
import { reachableAuthority } from "../contracts/host.ts";

export interface RunningSystem {
  readonly config: Config;
  /** undefined: the gateway runs elsewhere. */
  readonly httpPort: number | undefined;
  readonly opsPort: number;
  /** The folder of the embedded PostgreSQL, when it is used. */
  readonly embeddedIn: string | undefined;
  readonly startMs: number;
  /** Why RabbitMQ can't be used, in its own words; undefined when it can, or is not used. */
  readonly brokerFault: string | undefined;
}

/** Never the user or the password. */
export const serverOf = (url: string): string =>
  url
    .split(";")
    .map((node) => new URL(node))
    .map(({ host, pathname }) => `${host}${pathname === "/" ? "" : pathname}`)
    .join(", ");

function storage({ config, embeddedIn }: RunningSystem): string {
  if (embeddedIn !== undefined) return `embedded PostgreSQL, data in ${embeddedIn}`;
  const urls = [config.usersDatabaseUrl, config.registryDatabaseUrl].flatMap((url) => url ?? []);
  return urls.length === 0 ? "none" : `PostgreSQL at ${urls.map(serverOf).join(" and ")}`;
}

/** Several lines, without a newline at the end. */
export function summary(system: RunningSystem): string {
  const { config, httpPort, opsPort } = system;
  const { deno } = process.versions;
  const runtime = deno === undefined ? `Node ${process.versions.node}` : `Deno ${deno}`;
  const http = `http://${reachableAuthority(config.httpHost, httpPort ?? 0)}`;
  const without = system.brokerFault === undefined ? "" : `, without RabbitMQ: ${system.brokerFault}`;
  const events = config.amqpUrl === undefined ? "in this process" : `RabbitMQ at ${serverOf(config.amqpUrl)}`;
  const lines = [
    `mailroster is up after ${(system.startMs / 1000).toFixed(1)} s${without}`,
    `  services  ${config.services.join(", ")} (${runtime}, pid ${process.pid})`,
    `  data      ${storage(system)}`,
    `  events    ${events}`,
    `  health    http://${reachableAuthority(config.httpHost, opsPort)}/health/ready and /metrics`,
  ];
  if (httpPort === undefined) return lines.join("\n");
  return [
    ...lines,
    `  HTTP      ${http} (documentation: ${http}/docs)`,
    "",
    "Try:",
    `  curl -s ${http}/users -H 'content-type: application/json' -d '{"displayName":"Ann Example","primarySmtp":"ann@example.com"}'`,
    `  curl -s ${http}/smtp/ann@example.com`,
    "",
    "Ctrl-C stops it.",
  ].join("\n");
}
