/**
 * Our containers of docker-compose.yml as local processes: their command, their environment and their health check,
 * in a folder that holds what the image holds. Host names and ports are translated; nothing else is.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type ComposeService, composeFile, type Dockerfile, dockerfile } from "./compose-file.ts";
import { eventually } from "./eventually.ts";
import { fixedPort } from "./fixed-port.ts";
import { repositoryRoot } from "./gate/run-tool.ts";

const containerPorts = { http: 3000, ops: 3001 };
const healthyTimeoutMs = 60_000;
const exitTimeoutMs = 30_000;

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

interface Container {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  output(): string;
}

export interface Containers {
  /** Starts the service after those that it depends on; resolves when its health check is green. */
  up(name: string): Promise<void>;
  /** Runs a command as the service would be run, to its end, after those that it depends on (`docker compose run`). */
  run(name: string, command: readonly string[]): Promise<Ended>;
  /** Where the container's HTTP port is found on this machine. */
  httpUrl(name: string): string;
  /** Stops everything as `docker compose stop` does; how each ended, by name. */
  stop(): Promise<Record<string, Ended>>;
  /** The files of the image's folder that were not there when the containers started. */
  written(): string[];
  /** Removes the image's folder. */
  remove(): void;
}

/** What `docker build` would put into /app; the packages are those of this repository. */
function imageFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "mailroster-image-"));
  for (const path of dockerfile().copies)
    cpSync(join(repositoryRoot, path), join(folder, path), { recursive: true });
  symlinkSync(join(repositoryRoot, "node_modules"), join(folder, "node_modules"), "dir");
  return folder;
}

/** Its options say /app, where the packages lie as well; nothing is compiled before. */
function imageIn(folder: string): Dockerfile {
  const { environment, ...image } = dockerfile();
  const { NODE_COMPILE_CACHE: _, NODE_OPTIONS = "", ...others } = environment;
  const packages = `--allow-fs-read=${join(repositoryRoot, "node_modules")}/`;
  const options = `${NODE_OPTIONS.replaceAll("/app/", `${folder}/`)} ${packages}`;
  return { ...image, environment: { ...others, NODE_OPTIONS: options } };
}

const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (path) => !path.startsWith("node_modules/"),
  );

interface Ports {
  readonly http: number;
  readonly ops: number;
}

interface Run {
  readonly folder: string;
  readonly ports: Ports;
  readonly environment: Record<string, string>;
}

function start(command: readonly string[], { folder, environment }: Run, timeoutMs?: number): Container {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    cwd: folder,
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => {
      output += chunk;
    });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });
  ended.catch(() => {}); // told by whoever waits for it
  return { child, ended, output: () => output };
}

const seconds = (text = "3s"): number => Number.parseInt(text, 10) * 1000;

async function untilHealthy(
  name: string,
  service: ComposeService,
  container: Container,
  run: Run,
): Promise<void> {
  const { test = [], timeout } = service.healthcheck as { test?: string[]; timeout?: string };
  const command = test.slice(1).map((word) => (word === `${containerPorts.ops}` ? `${run.ports.ops}` : word));
  await eventually(
    async () => {
      const { code } = await start(command, run, seconds(timeout)).ended;
      if (container.child.exitCode !== null) return;
      if (code !== 0) throw new Error(`${name} is not healthy (${code}):\n${container.output()}`);
    },
    { timeoutMs: healthyTimeoutMs },
  );
  if (container.child.exitCode !== null)
    throw new Error(`${name} ended (${container.child.exitCode}):\n${container.output()}`);
}

/** `translate` puts the test's servers in the place of the containers that are not ours. */
export async function containers(translate: (value: string) => string): Promise<Containers> {
  const { services } = composeFile();
  const folder = imageFolder();
  const image = imageIn(folder);
  const scratch = mkdtempSync(join(tmpdir(), "mailroster-tmp-"));
  const files = new Set(filesOf(folder));
  const ours = Object.keys(services).filter((name) => services[name]?.image.startsWith("mailroster:"));
  const ports: Record<string, Ports> = {};
  for (const name of ours) ports[name] = { http: await fixedPort(), ops: await fixedPort() };
  const running = new Map<string, Container>();
  const starting = new Map<string, Promise<void>>();

  const local = (value: string): string =>
    ours.reduce(
      (text, name) => text.replaceAll(`//${name}:${containerPorts.http}`, `//127.0.0.1:${ports[name]?.http}`),
      translate(value).replaceAll("0.0.0.0", "127.0.0.1"),
    );
  /** A container has a /tmp of its own. */
  const inScratch = <T extends object>(part: T): T =>
    JSON.parse(JSON.stringify(part).replaceAll("/tmp/", `${scratch}/`)) as T;
  const serviceOf = (name: string): ComposeService => {
    const service = services[name];
    if (service === undefined) throw new Error(`Cannot start ${name}: docker-compose.yml does not know it`);
    return service;
  };
  const runOf = (name: string): Run => {
    const own = ports[name] ?? { http: 0, ops: 0 };
    const variables = Object.entries(serviceOf(name).environment ?? {}).map(([key, value]) => [
      key,
      local(value),
    ]);
    return {
      folder,
      ports: own,
      environment: {
        PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
        HOME: tmpdir(),
        HTTP_PORT: String(own.http),
        OPS_PORT: String(own.ops),
        ...image.environment,
        ...Object.fromEntries(variables),
      },
    };
  };
  const dependenciesOf = (name: string): Promise<unknown> =>
    Promise.all(
      Object.keys(serviceOf(name).depends_on ?? {})
        .filter((other) => ours.includes(other))
        .map(up),
    );

  async function bringUp(name: string): Promise<void> {
    await dependenciesOf(name);
    const service = serviceOf(name);
    const own = { ...service, command: service.command ?? image.command };
    const { command, healthcheck } = inScratch(own);
    const container = start(command, runOf(name));
    running.set(name, container);
    await untilHealthy(name, { ...service, ...(healthcheck && { healthcheck }) }, container, runOf(name));
  }
  function up(name: string): Promise<void> {
    const known = starting.get(name) ?? bringUp(name);
    starting.set(name, known);
    return known;
  }
  return {
    up,
    async run(name, command) {
      await dependenciesOf(name);
      return start(command, runOf(name), exitTimeoutMs).ended;
    },
    httpUrl: (name) => `http://127.0.0.1:${ports[name]?.http}`,
    async stop() {
      const ends: Record<string, Ended> = {};
      // Dependants first, as Compose does: the reverse of the order in which they became healthy.
      for (const [name, { child, ended }] of [...running].reverse()) {
        child.kill("SIGTERM");
        const grace = setTimeout(() => child.kill("SIGKILL"), seconds(serviceOf(name).stop_grace_period));
        ends[name] = await ended;
        clearTimeout(grace);
      }
      running.clear();
      return ends;
    },
    written: () => filesOf(folder).filter((path) => !files.has(path)),
    remove: () => {
      for (const path of [folder, scratch]) rmSync(path, { recursive: true, force: true });
    },
  };
}
