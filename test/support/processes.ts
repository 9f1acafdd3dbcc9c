/** Processes of ours as an operator starts them: their own environment and ports, their output kept, ended by pid. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { reachableAuthority } from "../../services/contracts/host.ts";
import { bounded, eventually } from "./eventually.ts";
import { fixedPort } from "./fixed-port.ts";
import { outputKeeper } from "./logs.ts";
import { findProgram, hasEnded } from "./provision/command.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));
/** Where compiled code is kept, as `npm start` has it. */
export const compiledFolder = join(root, "node_modules/.cache/compiled");
export const runtimes = ["node", "deno"] as const;
export type Runtime = (typeof runtimes)[number];

const readyTimeoutMs = 60_000;
const exitTimeoutMs = 40_000;
/** Longer than a stop in order takes (services/runtime/shutdown.ts). */
const stopTimeoutMs = 25_000;
const requestTimeoutMs = 15_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface TestProcess {
  readonly pid: number;
  readonly httpUrl: string;
  readonly opsUrl: string;
  readonly environment: Readonly<Record<string, string>>;
  stdout(): string;
  stderr(): string;
  /** The lines of stdout that are JSON, as logged. */
  logs(): Record<string, unknown>[];
  kill(signal: NodeJS.Signals): void;
  write(text: string): void;
  exited(): Promise<Exit>;
  /** Resolves when `/health/ready` of the ops port answers 200; rejects with the output when it ends before. */
  ready(): Promise<void>;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly runtime?: Runtime;
  readonly script?: string;
  /** Another checkout of ours, whose files run. */
  readonly root?: string;
  /** Instead of a script: what a user types. */
  readonly command?: readonly [string, ...string[]];
  readonly args?: readonly string[];
  readonly input?: boolean;
  /** Nobody reads what it prints to stdout. */
  readonly unread?: boolean;
}

const installed = (name: Runtime): string => findProgram(name, [join(root, "node_modules/.bin")]) ?? name;
const denoProgram = installed("deno");
/** Whoever starts processes under Deno is no Node itself. */
const nodeProgram = "Deno" in globalThis ? installed("node") : process.execPath;

/** The program and its arguments for a script that is named from the repository's folder. */
export function commandOf(runtime: Runtime, script: string, own: readonly string[]): [string, string[]] {
  return runtime === "node" ? [nodeProgram, [script, ...own]] : [denoProgram, ["run", "-A", script, ...own]];
}

/** What a process needs of the machine's environment, and nothing that would configure ours. */
export function machineEnvironment(): Record<string, string> {
  const kept = ["PATH", "HOME", "TMPDIR", "LANG", "DENO_DIR", "NODE_COMPILE_CACHE"];
  return Object.fromEntries(kept.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

/** All that one test has started. It asserts `running` at its end, and calls `end` whatever happened. */
export class Processes {
  readonly #started: { child: ChildProcess; process: TestProcess }[] = [];
  readonly #folders: string[] = [];

  /** A data folder of the test's own. */
  folder(): string {
    const path = mkdtempSync(join(tmpdir(), "mailroster-test-"));
    this.#folders.push(path);
    return path;
  }

  async start(options: StartOptions = {}): Promise<TestProcess> {
    const { runtime = "node", script = "services/runtime/main.ts", args: own = [] } = options;
    const [typed, ...rest] = options.command ?? [];
    const [program, args] = typed === undefined ? commandOf(runtime, script, own) : [typed, rest];
    const [httpPort, opsPort] = [await fixedPort(), await fixedPort()];
    const environment = {
      HTTP_PORT: String(httpPort),
      OPS_PORT: String(opsPort),
      // In a container each stop would take five seconds.
      DRAIN_MS: "0",
      // Each gateway would make it a while after its start, which takes a second of a core.
      CONSOLE: "off",
      ...options.env,
    };
    const child = spawn(program, args, {
      cwd: options.root ?? root,
      env: { ...machineEnvironment(), ...environment },
      stdio: [options.input === true ? "pipe" : "ignore", "pipe", "pipe"],
    });
    const started = follow(child, environment);
    if (options.unread === true) child.stdout?.destroy();
    this.#started.push({ child, process: started });
    return started;
  }

  /** The pids that should have ended before a test does. */
  running(): number[] {
    return this.#started.filter(({ child }) => !hasEnded(child)).map(({ process: started }) => started.pid);
  }

  /** Stops whatever a failed test has left. */
  async end(): Promise<void> {
    for (const { child, process: started } of this.#started) {
      if (hasEnded(child)) continue;
      child.kill("SIGTERM");
      const killer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
      await started.exited();
      clearTimeout(killer);
    }
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }
}

/** What each thread of a process that says nothing is at: its name, its state, its CPU time in ticks, and the call in the kernel. */
function threadsOf(pid: number | undefined): string {
  try {
    const folder = `/proc/${pid}/task`;
    const textOf = (thread: string, file: string): string => readFileSync(join(folder, thread, file), "utf8");
    return readdirSync(folder)
      .map((thread) => {
        const [, name = "", rest = ""] = /\((.*)\) (.*)/.exec(textOf(thread, "stat")) ?? [];
        const fields = rest.split(" ");
        return `${thread} ${name} ${fields[0]} ${fields[11]}+${fields[12]} ${textOf(thread, "wchan")}`;
      })
      .join("\n");
  } catch {
    return "(its threads can't be read)";
  }
}

function follow(child: ChildProcess, environment: Record<string, string>): TestProcess {
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    const keep = outputKeeper(environment);
    child[name]?.on("data", (chunk) => {
      output[name] += chunk;
      keep(String(chunk));
    });
  }
  const exit = new Promise<Exit>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  exit.catch(() => {}); // told by whoever waits for it
  const urlOf = (host: string | undefined, port: string | undefined) =>
    `http://${reachableAuthority(host ?? "127.0.0.1", Number(port))}`;
  const opsUrl = urlOf(environment.OPS_HOST, environment.OPS_PORT);
  const everything = () => `${output.stdout}\n${output.stderr}`;
  return {
    pid: child.pid ?? 0,
    httpUrl: urlOf(environment.HTTP_HOST, environment.HTTP_PORT),
    opsUrl,
    environment,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    logs: () =>
      output.stdout
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    kill: (signal) => void child.kill(signal),
    write: (text) => void child.stdin?.end(text),
    exited: () =>
      bounded(exit, exitTimeoutMs, () => `It does not end:\n${everything()}\n${threadsOf(child.pid)}`),
    async ready() {
      await eventually(
        async () => {
          if (hasEnded(child)) return;
          const answer = await request(`${opsUrl}/health/ready`);
          if (answer.status !== 200) throw new Error(`Not ready: ${answer.text}\n${everything()}`);
        },
        { timeoutMs: readyTimeoutMs },
      );
      if (hasEnded(child)) throw new Error(`It ended (${child.exitCode}):\n${everything()}`);
    },
  };
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; throws when it is none. */
  json<T>(): T;
}

/** One HTTP request with an answer read to its end; a body is sent as JSON. */
export async function request(
  url: string,
  options: { method?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<HttpAnswer> {
  const { method, body, headers } = options;
  const response = await fetch(url, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(requestTimeoutMs),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: <T>() => JSON.parse(text) as T,
  };
}
