/**
 * A RabbitMQ for the tests: one that is there and lets us create virtual hosts, or a private one. How to administer
 * it travels as `rabbitmqctl`, one executable (with its arguments) that needs no further environment.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  globSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "amqplib";
import { fixedPort } from "../fixed-port.ts";
import { findProgram, hasEnded, type Provision, runProgram, stopChild } from "./command.ts";
import { cheapest, localErlCalls, type NodeControl, requireUsable } from "./node-control.ts";
import { unpackedPackage } from "./packages.ts";

export type RabbitProvision = Provision & NodeControl;

const guest = "amqp://guest:guest@127.0.0.1:5672";
const image = "rabbitmq:3-management";
const connectTimeoutMs = 3_000;
const startDeadlineMs = 120_000;
const pullTimeoutMs = 10 * 60_000;
const pollMs = 500;

async function existing(url: string, how: string): Promise<RabbitProvision> {
  // Asked first, because rabbitmqctl takes seconds to say that there is nothing.
  await connect(url, { timeout: connectTimeoutMs }).then((connection) => connection.close());
  const rabbitmqctl = process.env.TEST_RABBITMQCTL || findProgram("rabbitmqctl");
  if (rabbitmqctl === undefined)
    throw new Error("it answers, but there is no rabbitmqctl to make virtual hosts");
  const control = await cheapest(url, { rabbitmqctl }, localErlCalls());
  return { url, ...control, how, stop: async () => {} };
}

/** What a node is started and administered with. */
export interface RabbitPrograms {
  /** Holds `rabbitmq-server` and `rabbitmqctl`. */
  readonly folder: string;
  /** Where Erlang is, when it is not where the scripts look. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Debian's scripts on the PATH change the user to rabbitmq; those behind them run as anyone. */
function installedPrograms(): RabbitPrograms | undefined {
  const onPath = findProgram("rabbitmq-server", ["/usr/sbin", "/usr/local/sbin"]);
  if (onPath === undefined) return undefined;
  const behind = "/usr/lib/rabbitmq/bin";
  return { folder: existsSync(`${behind}/rabbitmq-server`) ? behind : dirname(onPath), environment: {} };
}

/** The distribution's package with its Erlang, for whoever may not install it. */
export async function unpackedPrograms(): Promise<RabbitPrograms> {
  const root = await unpackedPackage("rabbitmq-server", /^erlang-/);
  const libraries = globSync(["lib/*-linux-*", "usr/lib/*-linux-*"], { cwd: root });
  return {
    folder: join(root, "usr/lib/rabbitmq/bin"),
    environment: {
      ERL_ROOTDIR: join(root, "usr/lib/erlang"),
      PATH: `${join(root, "usr/bin")}:${process.env.PATH}`,
      LD_LIBRARY_PATH: libraries.map((library) => join(root, library)).join(":"),
    },
  };
}

/** Rejects with the reason when there are none. */
export const rabbitPrograms = async (): Promise<RabbitPrograms> =>
  installedPrograms() ?? (await unpackedPrograms());

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export interface PrivateNode {
  readonly home: string;
  readonly port: number;
  readonly environment: Record<string, string>;
  readonly epmd: ChildProcess | undefined;
}

/** Where a node keeps its files and listens, and what it is called. */
export interface NodePlace {
  readonly home: string;
  readonly address: string;
  readonly name: string;
  readonly port: number;
  readonly distPort: number;
  readonly epmdPort: number;
  /** Lines of its rabbitmq.conf. */
  readonly settings?: readonly string[];
  /** Beside what every node has. */
  readonly plugins?: readonly string[];
}

/** Writes the files of a node, every one its own; resolves with the environment that it is started and administered with. */
export function nodeEnvironment(programs: RabbitPrograms, place: NodePlace): Record<string, string> {
  const { home, address, port, settings = [], plugins = [] } = place;
  const conf = join(home, "rabbitmq.conf");
  const listens = [`listeners.tcp.1 = ${address}:${port}`, "disk_free_limit.absolute = 50MB"];
  writeFileSync(conf, `${[...listens, ...settings].join("\n")}\n`);
  writeFileSync(join(home, "enabled_plugins"), `[${plugins.join()}].\n`);
  writeFileSync(join(home, "rabbitmq-env.conf"), "");
  return {
    ...programs.environment,
    HOME: home,
    ERL_EPMD_PORT: String(place.epmdPort),
    ERL_EPMD_ADDRESS: address,
    RABBITMQ_NODENAME: place.name,
    RABBITMQ_DIST_PORT: String(place.distPort),
    RABBITMQ_CONFIG_FILE: conf,
    RABBITMQ_CONF_ENV_FILE: join(home, "rabbitmq-env.conf"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(home, "enabled_plugins"),
    RABBITMQ_MNESIA_BASE: join(home, "mnesia"),
    RABBITMQ_GENERATED_CONFIG_DIR: join(home, "config"),
    RABBITMQ_LOG_BASE: join(home, "log"),
    RABBITMQ_PID_FILE: join(home, "pid"),
  };
}

/** Started by us, or the first Erlang node would leave a daemon behind; undefined: the node starts one itself. */
export function startEpmd(
  programs: RabbitPrograms,
  port: number,
  address: string,
  prefix: readonly string[] = [],
): ChildProcess | undefined {
  const ownErlang = programs.environment.ERL_ROOTDIR;
  const found =
    ownErlang === undefined
      ? findProgram("epmd", ["/usr/bin", "/usr/local/bin", "/usr/lib/erlang/bin"])
      : join(ownErlang, "bin/epmd");
  if (found === undefined) return undefined;
  const [program = found, ...args] = [...prefix, found, "-port", String(port), "-address", address];
  const epmd = spawn(program, args, { stdio: "ignore", detached: true });
  epmd.on("error", () => {}); // the node then starts one itself
  return epmd;
}

/** A node whose every file and port is its own, so that it meets no other RabbitMQ of the machine. */
export async function prepareNode(
  programs: RabbitPrograms,
  more: Pick<NodePlace, "settings" | "plugins"> = {},
): Promise<PrivateNode> {
  const home = mkdtempSync(join(tmpdir(), "mailroster-mq-"));
  const [port, distPort, epmdPort] = [await fixedPort(), await fixedPort(), await fixedPort()];
  const address = "127.0.0.1";
  const name = `mailroster-${process.pid}@localhost`;
  const environment = nodeEnvironment(programs, { ...more, home, address, name, port, distPort, epmdPort });
  return { home, port, environment, epmd: startEpmd(programs, epmdPort, address) };
}

function scriptFor({ home, environment }: PrivateNode, called: string, command: readonly string[]): string {
  const path = join(home, called);
  const exports = Object.entries(environment).map(([name, value]) => `export ${name}=${quoted(value)}`);
  writeFileSync(path, `#!/bin/sh\n${exports.join("\n")}\nexec ${command.map(quoted).join(" ")} "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

/** One executable that administers this node from anywhere. */
export const administrationScript = (node: PrivateNode, { folder }: RabbitPrograms): string =>
  scriptFor(node, "rabbitmqctl", [join(folder, "rabbitmqctl")]);

/** As cheap ones, where Erlang has it. */
function erlCallScripts(node: PrivateNode, { environment }: RabbitPrograms): string[] {
  const ownErlang = environment.ERL_ROOTDIR;
  const program =
    ownErlang === undefined
      ? findProgram("erl_call", ["/usr/lib/erlang/bin"])
      : join(ownErlang, "bin/erl_call");
  if (program === undefined) return [];
  return [scriptFor(node, "erl_call", [program, "-sname", node.environment.RABBITMQ_NODENAME ?? ""])];
}

async function startPrivately(programs: RabbitPrograms): Promise<RabbitProvision> {
  const { folder } = programs;
  const node = await prepareNode(programs);
  const rabbitmqctl = administrationScript(node, programs);
  const output = openSync(join(node.home, "output"), "a");
  const child = spawn(join(folder, "rabbitmq-server"), [], {
    detached: true,
    stdio: ["ignore", output, output],
    env: { ...process.env, ...node.environment },
  });
  child.on("error", () => {}); // shows as having ended
  const stop = async () => {
    await stopChild(child, "SIGTERM", { group: true });
    if (node.epmd !== undefined) await stopChild(node.epmd, "SIGKILL");
    rmSync(node.home, { recursive: true, force: true });
  };
  const url = `amqp://guest:guest@127.0.0.1:${node.port}`;
  const deadline = Date.now() + startDeadlineMs;
  for (;;) {
    try {
      await connect(url, { timeout: connectTimeoutMs }).then((connection) => connection.close());
      await requireUsable(url, { rabbitmqctl });
      const control = await cheapest(url, { rabbitmqctl }, erlCallScripts(node, programs));
      return { url, ...control, how: `private node on port ${node.port}, from ${folder}`, stop };
    } catch (error) {
      if (!hasEnded(child) && Date.now() < deadline) {
        await delay(pollMs);
        continue;
      }
      const said = readFileSync(join(node.home, "output"), "utf8").trim().split("\n").at(-1);
      await stop();
      throw new Error(said || (error as Error).message);
    }
  }
}

async function startContainer(engine: string): Promise<RabbitProvision> {
  const run = ["run", "--detach", "--rm", "--publish", "127.0.0.1::5672", image];
  const started = await runProgram(engine, run, { timeoutMs: pullTimeoutMs });
  const id = started.stdout.trim().split("\n").at(-1) ?? "";
  if (started.code !== 0 || id === "")
    throw new Error(started.stderr.trim().split("\n").at(-1) || `${engine} does not start it`);
  const stop = async () => void (await runProgram(engine, ["rm", "--force", "--volumes", id]));
  const published = await runProgram(engine, ["port", id, "5672/tcp"]);
  const url = `amqp://guest:guest@${published.stdout.trim().split("\n")[0]}`;
  const rabbitmqctl = `${engine} exec ${id} rabbitmqctl`;
  const deadline = Date.now() + startDeadlineMs;
  for (;;) {
    try {
      await connect(url, { timeout: connectTimeoutMs }).then((connection) => connection.close());
      await requireUsable(url, { rabbitmqctl });
      return { url, rabbitmqctl, how: `container ${id.slice(0, 12)} of ${image}`, stop };
    } catch (error) {
      if (Date.now() > deadline) {
        await stop();
        throw error;
      }
      await delay(pollMs);
    }
  }
}

/** The ways to a RabbitMQ, best first; each rejects with the reason why it is none. */
export function rabbitWays(): { name: string; attempt: () => Promise<RabbitProvision> }[] {
  const named = process.env.TEST_AMQP_URL || process.env.AMQP_URL;
  const installed = async () => {
    const programs = installedPrograms();
    if (programs === undefined) throw new Error("there is no rabbitmq-server on the PATH");
    return startPrivately(programs);
  };
  return [
    ...(named === undefined
      ? []
      : [{ name: "the environment's URL", attempt: () => existing(named, "as the environment says") }]),
    { name: "127.0.0.1:5672 as guest", attempt: () => existing(guest, "server on port 5672") },
    { name: "an installed RabbitMQ", attempt: installed },
    ...["docker", "podman"].map((engine) => ({
      name: engine,
      attempt: () => {
        if (findProgram(engine) === undefined) throw new Error("it is not installed");
        return startContainer(engine);
      },
    })),
    {
      name: "the distribution's package rabbitmq-server, unpacked",
      attempt: async () => startPrivately(await unpackedPrograms()),
    },
  ];
}

export const rabbitAdvice =
  "RabbitMQ is needed: install rabbitmq-server or a container engine, or set AMQP_URL and TEST_RABBITMQCTL";
