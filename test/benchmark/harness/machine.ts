/** Where a run was made, and of what: figures without that mean nothing. */
import { cpus, release, totalmem, type } from "node:os";
import packageJson from "../../../package.json" with { type: "json" };
import { commandOf, root } from "../../support/processes.ts";
import { runProgram } from "../../support/provision/command.ts";
import type { Servers } from "./servers.ts";

const bytesPerGb = 1_024 ** 3;
/** Whose versions decide the figures. */
const packages = [
  ...["moleculer", "moleculer-web", "@mikro-orm/postgresql", "pg", "amqplib", "autocannon"],
  ...["pg-boss", "graphile-worker", "pg-transactional-outbox"],
];

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly versions: Readonly<Record<string, string>>;
  /** With `, changed` when the files are not those of the commit. */
  readonly commit: string;
}

async function said(program: string, ...args: string[]): Promise<string | undefined> {
  const { code, stdout } = await runProgram(program, args, { cwd: root });
  return code === 0 ? stdout.trim() : undefined;
}

async function commitOf(): Promise<string> {
  const commit = await said("git", "rev-parse", "--short=12", "HEAD");
  if (commit === undefined) return "unknown";
  return (await said("git", "status", "--porcelain")) === "" ? commit : `${commit}, changed`;
}

const serverVersion = "select split_part(current_setting('server_version'), ' ', 1) as version";
const notStarted = "not started";

export async function describeMachine(servers: Servers | undefined): Promise<Machine> {
  const [server] = (await servers?.postgres.query<{ version: string }>("postgres", serverVersion)) ?? [];
  const declared: Record<string, string> = { ...packageJson.dependencies, ...packageJson.devDependencies };
  const [node, deno] = [commandOf("node", "", [])[0], commandOf("deno", "", [])[0]];
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGb: totalmem() / bytesPerGb,
    system: `${type()} ${release()}`,
    versions: {
      mailroster: packageJson.version,
      Node: (await said(node, "--version"))?.replace("v", "") ?? "none",
      Deno: (await said(deno, "--version"))?.match(/deno (\S+)/)?.[1] ?? "none",
      PostgreSQL: server?.version ?? notStarted,
      RabbitMQ: (await servers?.rabbit.control("-q", "version"))?.trim() ?? notStarted,
      ...Object.fromEntries(packages.map((name) => [name, declared[name] ?? "none"])),
    },
    commit: await commitOf(),
  };
}
