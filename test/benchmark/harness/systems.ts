/** The systems that are compared, each as processes as an operator starts them, on servers of the benchmark's own. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { connect } from "amqplib";
import { declareTopology, userQueues } from "../../../mixins/bus/topology.ts";
import { systemIsReady } from "../../support/distributed-system.ts";
import { Processes, type Runtime, root } from "../../support/processes.ts";
import { hasEnded, stopChild } from "../../support/provision/command.ts";
import type { Place } from "./servers.ts";

export interface System {
  readonly name: string;
  readonly place: Place;
  /** Where it takes HTTP. */
  readonly url: string;
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

const startTimeoutMs = 30_000;

/**
 * As an operator who wants figures and no lines: one warning would be worth knowing. `NODE_OPTIONS` goes on, so that
 * `--cpu-prof` there profiles what is measured.
 */
const quiet = {
  LOG_LEVEL: "warn",
  LOG_FORMAT: "json",
  RECONCILE_MINUTES: "0",
  ...(process.env.NODE_OPTIONS === undefined ? {} : { NODE_OPTIONS: process.env.NODE_OPTIONS }),
};

/** Starts a script that prints `ready <port>`. */
export async function startScript(
  script: string,
  env: Readonly<Record<string, string>>,
): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [join(root, script)], {
    env: { PATH: process.env.PATH, NODE_OPTIONS: process.env.NODE_OPTIONS, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout });
  const port = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${script} does not start`)), startTimeoutMs);
    child.once("exit", (code) => reject(new Error(`${script} has ended with ${code}`)));
    lines.on("line", (line) => {
      const [word, number] = line.split(" ");
      if (word !== "ready") return;
      clearTimeout(timer);
      resolve(Number(number));
    });
  });
  return { child, port };
}

/** test/benchmark/reference: one process for the API and the relay, one for both consumers. */
export async function startReference(place: Place): Promise<System> {
  const connection = await connect(place.amqpUrl);
  await declareTopology(await connection.createChannel(), userQueues, [1_000]);
  await connection.close();
  const script = "test/benchmark/reference/main.ts";
  const env = {
    DATABASE_URL: place.usersUrl,
    REGISTRY_DATABASE_URL: place.registryUrl,
    AMQP_URL: place.amqpUrl,
  };
  const consumers = await startScript(script, { ...env, ROLES: "consumers" });
  const api = await startScript(script, { ...env, ROLES: "api" });
  return {
    name: "reference",
    place,
    url: `http://127.0.0.1:${api.port}`,
    pids: [api.child.pid ?? 0, consumers.child.pid ?? 0],
    async stop() {
      for (const { child } of [api, consumers]) if (!hasEnded(child)) await stopChild(child, "SIGTERM");
    },
  };
}

export interface Instances {
  readonly gateway?: number;
  readonly users?: number;
  readonly registry?: number;
  readonly runtime?: Runtime;
}

/** One process, in-process bus, the benchmark's PostgreSQL. */
export async function startEmbedded(place: Place, runtime: Runtime = "node"): Promise<System> {
  const processes = new Processes();
  const one = await processes.start({
    runtime,
    env: {
      ...quiet,
      DATABASE_URL: place.usersUrl,
      REGISTRY_DATABASE_URL: place.registryUrl,
      DATA_DIR: processes.folder(),
    },
  });
  await one.ready();
  return {
    name: "embedded",
    place,
    url: one.httpUrl,
    pids: [one.pid],
    stop: () => processes.end(),
  };
}

/** gateway | users, audit, outbox | smtp-registry over RabbitMQ, each as often as asked. */
export async function startDistributed(place: Place, instances: Instances = {}): Promise<System> {
  const { gateway = 1, users = 1, registry = 1, runtime = "node" } = instances;
  const processes = new Processes();
  const part = (services: string, env: Record<string, string>, count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, index) =>
        processes.start({
          runtime,
          env: {
            ...quiet,
            AMQP_URL: place.amqpUrl,
            SERVICES: services,
            NODE_ID: `${services.split(",")[0]}-${index}`,
            ...env,
          },
        }),
      ),
    );
  const gateways = await part("gateway", {}, gateway);
  const others = [
    ...(await part("users,audit,outbox", { DATABASE_URL: place.usersUrl }, users)),
    ...(await part("smtp-registry", { REGISTRY_DATABASE_URL: place.registryUrl }, registry)),
  ];
  const all = [...gateways, ...others];
  const url = gateways[0]?.httpUrl ?? "";
  try {
    for (const each of gateways) await systemIsReady(each);
  } catch (error) {
    await processes.end();
    throw error;
  }
  return { name: "distributed", place, url, pids: all.map(({ pid }) => pid), stop: () => processes.end() };
}
