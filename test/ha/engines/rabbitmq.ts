/**
 * A RabbitMQ cluster of three nodes whose every file and port is its own, on the loopback interface or, with `network`,
 * each in a network namespace, where the lines between the nodes can be cut while clients still reach each of them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "amqplib";
import { eventually } from "../../support/eventually.ts";
import { fixedPort } from "../../support/fixed-port.ts";
import { hasEnded, runProgram, stopChild } from "../../support/provision/command.ts";
import { nodeEnvironment, type RabbitPrograms, startEpmd } from "../../support/provision/rabbitmq.ts";
import type { Stops } from "../../support/stops.ts";
import type { Network } from "./network.ts";
import { type NodeName, nodeNames } from "./node-names.ts";
import { signalTree } from "./processes.ts";

const startTimeoutMs = 120_000;
const connectTimeoutMs = 3_000;
const commandTimeoutMs = 120_000;
/** Two schedulers that sleep when they have nothing to do: three nodes share the machine with everything else. */
const erlangArgs = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel net_ticktime 10";

export interface RabbitNode {
  readonly name: NodeName;
  readonly url: string;
  /** `mailroster_a@127.0.0.1`. */
  readonly erlangName: string;
  /** Runs one of its scripts there; rejects when it fails. */
  run(script: string, ...args: string[]): Promise<string>;
  start(): Promise<void>;
  kill(): Promise<void>;
  /** As an operator does: what it hosts is handed over first. */
  stopInOrder(): Promise<void>;
  freeze(): void;
  thaw(): void;
}

export interface RabbitCluster {
  readonly nodes: readonly RabbitNode[];
  /** All nodes, for AMQP_URL. */
  readonly urls: string;
  /** One that runs. */
  readonly url: string;
  /** rabbitmqctl on a node that runs. */
  control(...args: string[]): Promise<string>;
  /** How many connections of clients each node has. */
  connections(): Promise<Readonly<Record<NodeName, number>>>;
}

interface NodeOptions {
  readonly programs: RabbitPrograms;
  readonly name: NodeName;
  readonly environment: Record<string, string>;
  readonly url: string;
  readonly prefix: readonly string[];
  /** The file of what it says. */
  readonly log: string;
}

class ClusterNode implements RabbitNode {
  readonly name: NodeName;
  readonly url: string;
  readonly erlangName: string;
  readonly #options: NodeOptions;
  #child: ChildProcess | undefined;
  isUp = false;

  constructor(options: NodeOptions) {
    this.#options = options;
    this.name = options.name;
    this.url = options.url;
    this.erlangName = options.environment.RABBITMQ_NODENAME ?? "";
  }

  #command(script: string, args: readonly string[]): [string, string[]] {
    const path = join(this.#options.programs.folder, script);
    const [program = path, ...rest] = [...this.#options.prefix, path, ...args];
    return [program, rest];
  }

  async run(script: string, ...args: string[]): Promise<string> {
    const env = { ...process.env, ...this.#options.environment };
    const [program, all] = this.#command(script, args);
    const { code, stdout, stderr } = await runProgram(program, all, { env, timeoutMs: commandTimeoutMs });
    if (code !== 0) throw new Error(`${script} ${args.join(" ")} failed: ${(stderr || stdout).trim()}`);
    return stdout;
  }

  async start(): Promise<void> {
    const { environment, log } = this.#options;
    const output = openSync(log, "a");
    const [program, args] = this.#command("rabbitmq-server", []);
    const child = spawn(program, args, {
      detached: true,
      stdio: ["ignore", output, output],
      env: { ...process.env, ...environment },
    });
    child.on("error", () => {}); // shows as having ended
    this.#child = child;
    await eventually(
      async () => {
        if (!hasEnded(child)) await connect(this.url, { timeout: connectTimeoutMs }).then((it) => it.close());
      },
      { timeoutMs: startTimeoutMs },
    );
    if (hasEnded(child))
      throw new Error(
        `RabbitMQ ${this.name} has ended: ${readFileSync(log, "utf8").trim().split("\n").at(-1)}`,
      );
    this.isUp = true;
  }

  async kill(): Promise<void> {
    this.isUp = false;
    if (this.#child !== undefined) await stopChild(this.#child, "SIGKILL", { group: true });
  }

  async stopInOrder(): Promise<void> {
    await this.run("rabbitmq-upgrade", "drain");
    this.isUp = false;
    if (this.#child !== undefined) await stopChild(this.#child, "SIGTERM", { group: true });
  }

  freeze(): void {
    this.isUp = false;
    signalTree(this.#child?.pid, "SIGSTOP");
  }

  thaw(): void {
    signalTree(this.#child?.pid, "SIGCONT");
    this.isUp = true;
  }
}

export interface ClusterOptions {
  readonly programs: RabbitPrograms;
  readonly folder: string;
  /** Gets the logs of the nodes, which stay. */
  readonly logFolder: string;
  readonly stops: Stops;
  readonly network: Network | undefined;
}

async function prepareNodes(options: ClusterOptions): Promise<ClusterNode[]> {
  const { programs, folder, logFolder, stops, network } = options;
  const epmdPort = await fixedPort();
  const addressOf = (name: NodeName) => network?.address(name) ?? "127.0.0.1";
  const erlangName = (name: NodeName) => `mailroster_${name}@${addressOf(name)}`;
  const settings = [
    "cluster_formation.peer_discovery_backend = classic_config",
    ...nodeNames.map((name, at) => `cluster_formation.classic_config.nodes.${at + 1} = ${erlangName(name)}`),
    "cluster_partition_handling = pause_minority",
    "loopback_users = none",
    "vm_memory_high_watermark.absolute = 1GB",
  ];
  if (network === undefined) {
    const epmd = startEpmd(programs, epmdPort, "127.0.0.1");
    if (epmd !== undefined) stops.add(() => stopChild(epmd, "SIGKILL"));
  }
  const nodes: ClusterNode[] = [];
  for (const name of nodeNames) {
    const home = join(folder, `rabbitmq-${name}`);
    mkdirSync(home, { recursive: true });
    const [port, distPort] = [await fixedPort(), await fixedPort()];
    const address = addressOf(name);
    const place = { home, address, name: erlangName(name), port, distPort, epmdPort, settings };
    const prefix = network?.prefix(name) ?? [];
    if (network !== undefined) {
      const epmd = startEpmd(programs, epmdPort, address, prefix);
      if (epmd !== undefined) stops.add(() => stopChild(epmd, "SIGKILL"));
    }
    const environment = {
      ...nodeEnvironment(programs, place),
      // Nodes know each other by the cookie in their common home.
      HOME: folder,
      RABBITMQ_USE_LONGNAME: "true",
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: erlangArgs,
    };
    const node = new ClusterNode({
      programs,
      name,
      environment,
      prefix,
      log: join(logFolder, `rabbitmq-${name}.log`),
      url: `amqp://guest:guest@${address}:${port}`,
    });
    stops.add(() => node.kill());
    nodes.push(node);
  }
  return nodes;
}

/** Resolves when all three nodes take connections and know each other. */
export async function startRabbitCluster(options: ClusterOptions): Promise<RabbitCluster> {
  const nodes = await prepareNodes(options);
  const running = (): ClusterNode => {
    const node = nodes.find(({ isUp }) => isUp);
    if (node === undefined) throw new Error("Cannot ask RabbitMQ: no node runs");
    return node;
  };
  const cluster: RabbitCluster = {
    nodes,
    urls: nodes.map(({ url }) => url).join(";"),
    get url() {
      return running().url;
    },
    control: (...args) => running().run("rabbitmqctl", ...args),
    async connections() {
      const listed = await running().run("rabbitmqctl", "-q", "list_connections", "pid");
      const lines = listed.split("\n");
      const count = (node: ClusterNode) => lines.filter((line) => line.includes(node.erlangName)).length;
      return Object.fromEntries(nodes.map((node) => [node.name, count(node)])) as Record<NodeName, number>;
    },
  };
  // The first makes the cookie that the others read.
  const [first, ...others] = nodes;
  await first?.start();
  await Promise.all(others.map((node) => node.start()));
  await eventually(
    async () => {
      const known = await cluster.control("-q", "eval", "length(rabbit_nodes:all_running()).");
      if (known.trim() !== String(nodes.length)) throw new Error(`The cluster has ${known.trim()} nodes`);
    },
    { timeoutMs: startTimeoutMs },
  );
  return cluster;
}
