/** The systems that are compared, each as processes as an operator starts them, on databases of their own. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { connect } from "amqplib";
import { declareTopology, userQueues } from "../../../mixins/bus/topology.ts";
import { systemIsReady } from "../../support/distributed-system.ts";
import {
  commandOf,
  compiledFolder,
  Processes,
  type Runtime,
  root,
  type TestProcess,
} from "../../support/processes.ts";
import { stopChild } from "../../support/provision/command.ts";
import { shapes } from "./bounds.ts";
import type { Role } from "./cpu.ts";
import type { Place } from "./place.ts";
import { placeFor, type Servers } from "./servers.ts";

export interface System {
  readonly name: string;
  readonly place: Place;
  /** Where it takes HTTP; one for each gateway. */
  readonly urls: readonly string[];
  /** Where its processes are watched. */
  readonly opsUrls: readonly string[];
  readonly processes: readonly Role[];
  /** The run's end stops it too. */
  stop(): Promise<void>;
}

const startTimeoutMs = 30_000;

/** As `npm start` sets them; what is given here goes on to what is measured, so that `--cpu-prof` profiles it. */
const nodeOptions: Record<string, string> = {
  NODE_COMPILE_CACHE: compiledFolder,
  MALLOC_ARENA_MAX: "1",
  NODE_OPTIONS: `--max-semi-space-size=16 ${process.env.NODE_OPTIONS ?? ""}`.trim(),
};

/** As an operator who wants figures and no lines: one warning would be worth knowing. */
const quiet = { LOG_LEVEL: "warn", LOG_FORMAT: "json", RECONCILE_MINUTES: "0" };

const environmentFor = (runtime: Runtime): Record<string, string> =>
  runtime === "node" ? { ...quiet, ...nodeOptions } : quiet;

export interface Script {
  readonly pid: number;
  readonly port: number;
}

/** Starts a script on Node that prints `ready <port>`; the run's end stops it. */
export async function startScript(
  { stops }: Servers,
  script: string,
  env: Readonly<Record<string, string>>,
): Promise<Script & { stop(): Promise<void> }> {
  const [program, args] = commandOf("node", script, []);
  const child = spawn(program, args, {
    cwd: root,
    env: { PATH: process.env.PATH, ...nodeOptions, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const stop = stops.add(() => stopChild(child, "SIGTERM"));
  return { pid: child.pid ?? 0, port: await portOf(child, script), stop };
}

function portOf(child: ChildProcess, script: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${script} does not start`)), startTimeoutMs);
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`${script} has ended with ${code}`));
    });
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [word, number] = line.split(" ");
      if (word !== "ready") return;
      clearTimeout(timer);
      resolve(Number(number));
    });
  });
}

/** The queues of the system, before anybody of it has started. */
export async function declareQueues(amqpUrl: string): Promise<void> {
  const connection = await connect(amqpUrl);
  await declareTopology(await connection.createChannel(), userQueues, [1_000]);
  await connection.close();
}

/** test/benchmark/reference: one process for the API and the relay, one for both consumers. */
export async function startReference(
  servers: Servers,
  placeName: string,
  prepare?: SystemOptions["prepare"],
): Promise<System> {
  const place = await placeFor(servers, placeName);
  await prepare?.(place);
  await declareQueues(place.amqpUrl);
  const env = {
    DATABASE_URL: place.usersUrl,
    REGISTRY_DATABASE_URL: place.registryUrl,
    AMQP_URL: place.amqpUrl,
  };
  const part = (roles: string) =>
    startScript(servers, "test/benchmark/reference/main.ts", { ...env, ROLES: roles });
  const [consumers, api] = [await part("consumers"), await part("api")];
  return {
    name: "reference",
    place,
    urls: [`http://127.0.0.1:${api.port}`],
    opsUrls: [],
    processes: [
      { role: "API and relay", pid: api.pid },
      { role: "consumers", pid: consumers.pid },
    ],
    async stop() {
      await api.stop();
      await consumers.stop();
    },
  };
}

interface SystemOptions {
  readonly name?: string;
  readonly runtime?: Runtime;
  /** Called with the place before anything connects to it. */
  readonly prepare?: (place: Place) => Promise<unknown>;
  /** Beside what every system of a benchmark is started with. */
  readonly env?: Readonly<Record<string, string>>;
}

/** One process, in-process bus, the benchmark's PostgreSQL. */
export async function startEmbedded(
  servers: Servers,
  placeName: string,
  { name = shapes.embedded, runtime = "node", prepare, env }: SystemOptions = {},
): Promise<System> {
  const place = await placeFor(servers, placeName, { broker: false });
  await prepare?.(place);
  const processes = new Processes();
  const stop = servers.stops.add(() => processes.end());
  const one = await processes.start({
    runtime,
    env: {
      ...environmentFor(runtime),
      DATABASE_URL: place.usersUrl,
      REGISTRY_DATABASE_URL: place.registryUrl,
      DATA_DIR: processes.folder(),
      ...env,
    },
  });
  await one.ready();
  return {
    name,
    place,
    urls: [one.httpUrl],
    opsUrls: [one.opsUrl],
    processes: [{ role: "all services", pid: one.pid }],
    stop,
  };
}

export interface Instances {
  readonly gateway: number;
  readonly users: number;
  readonly registry: number;
}

const one: Instances = { gateway: 1, users: 1, registry: 1 };

interface Hosting {
  readonly role: string;
  readonly services: string;
  readonly databases: readonly ("users" | "registry")[];
  readonly count: number;
}

const threeRoles = ({ gateway, users, registry }: Instances): Hosting[] => [
  { role: "gateway", services: "gateway", databases: [], count: gateway },
  { role: "users", services: "users,audit,outbox", databases: ["users"], count: users },
  { role: "registry", services: "smtp-registry", databases: ["registry"], count: registry },
];

/** Calls from the gateway to users stay in the process; those to the registry, and events, go over RabbitMQ. */
const twoRoles: readonly Hosting[] = [
  { role: "gateway and users", services: "gateway,users,audit,outbox", databases: ["users"], count: 1 },
  { role: "registry", services: "smtp-registry", databases: ["registry"], count: 1 },
];

export const startTwo = (servers: Servers, placeName: string, options: SystemOptions = {}): Promise<System> =>
  startRoles(servers, placeName, { name: shapes.two, ...options }, twoRoles);

/** gateway | users, audit, outbox | smtp-registry over RabbitMQ, each as often as asked. */
export const startDistributed = (
  servers: Servers,
  placeName: string,
  { instances = one, ...options }: SystemOptions & { readonly instances?: Instances } = {},
): Promise<System> =>
  startRoles(servers, placeName, { name: shapes.three, ...options }, threeRoles(instances));

async function startRoles(
  servers: Servers,
  placeName: string,
  { name = "", runtime = "node", prepare, env: more }: SystemOptions,
  hosting: readonly Hosting[],
): Promise<System> {
  const place = await placeFor(servers, placeName);
  await prepare?.(place);
  const processes = new Processes();
  const stop = servers.stops.add(() => processes.end());
  const urls = {
    users: { DATABASE_URL: place.usersUrl },
    registry: { REGISTRY_DATABASE_URL: place.registryUrl },
  };
  const part = ({ role, services, databases, count }: Hosting) =>
    Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const base = { ...environmentFor(runtime), AMQP_URL: place.amqpUrl, SERVICES: services };
        const own: Record<string, string> = Object.assign({}, ...databases.map((each) => urls[each]));
        const env = { ...base, NODE_ID: `${role.replaceAll(" ", "-")}-${index}`, ...own, ...more };
        return { services, role, started: await processes.start({ runtime, env }) };
      }),
    );
  const all: { services: string; role: string; started: TestProcess }[] = [];
  for (const each of hosting) all.push(...(await part(each)));
  const gateways = all.filter(({ services }) => services.startsWith("gateway")).map(({ started }) => started);
  // A gateway is ready with one of each behind it: the others of a role must be, too.
  for (const { started } of all) await started.ready();
  for (const gateway of gateways) await systemIsReady(gateway);
  return {
    name,
    place,
    urls: gateways.map(({ httpUrl }) => httpUrl),
    opsUrls: all.map(({ started }) => started.opsUrl),
    processes: all.map(({ role, started }) => ({ role, pid: started.pid })),
    stop,
  };
}

/** The two roles that take an event from the outbox to its effect: outbox | smtp-registry, over RabbitMQ. */
export async function startEventPath(servers: Servers, place: Place): Promise<{ stop(): Promise<void> }> {
  const processes = new Processes();
  const stop = servers.stops.add(() => processes.end());
  const roles: Record<string, string>[] = [
    { SERVICES: "outbox", DATABASE_URL: place.usersUrl },
    { SERVICES: "smtp-registry", REGISTRY_DATABASE_URL: place.registryUrl },
  ];
  const started = roles.map((role) =>
    processes.start({ env: { ...environmentFor("node"), AMQP_URL: place.amqpUrl, ...role } }),
  );
  for (const each of await Promise.all(started)) await each.ready();
  return { stop };
}

/** Stops them all, whatever the work made of them. */
export async function withSystems<R>(
  starts: readonly Promise<System>[],
  work: (systems: readonly System[]) => Promise<R>,
): Promise<R> {
  const settled = await Promise.allSettled(starts);
  const systems = settled.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  try {
    const failed = settled.find((each) => each.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    return await work(systems);
  } finally {
    await Promise.all(systems.map((system) => system.stop()));
  }
}

/** With the reference and the three shapes, each on a place of its own. */
export const withCompared = <R>(
  servers: Servers,
  name: string,
  work: (systems: readonly System[]) => Promise<R>,
): Promise<R> =>
  withSystems(
    [
      startReference(servers, `${name}_reference`),
      startEmbedded(servers, `${name}_embedded`),
      startTwo(servers, `${name}_two`),
      startDistributed(servers, `${name}_three`),
    ],
    work,
  );
