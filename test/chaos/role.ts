/**
 * One process of ours with somebody who looks after it, as an orchestrator does: whatever ends without having been
 * asked to is started again, on the same ports and under the same node id.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, type WriteStream } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { eventually } from "../support/eventually.ts";
import { fixedPort } from "../support/fixed-port.ts";
import { outputKeeper } from "../support/logs.ts";
import { machineEnvironment, request } from "../support/processes.ts";
import { hasEnded, stopChild } from "../support/provision/command.ts";

const restartDelayMs = 500;
const outputTailChars = 4_000;
const ownRoot = fileURLToPath(new URL("../..", import.meta.url));
const clock = fileURLToPath(new URL("skewed-clock.ts", import.meta.url));

/** An end that nobody had asked for. */
export interface UnexpectedEnd {
  readonly role: string;
  readonly at: string;
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
}

export interface Role {
  readonly name: string;
  readonly httpUrl: string;
  readonly opsUrl: string;
  readonly unexpectedEnds: readonly UnexpectedEnd[];
  /** Lines of its log that tell of a defect or of an event that failed in a consumer, by message. */
  readonly remarks: ReadonlyMap<string, number>;
  /** From its next start on it runs the services of another repository. */
  moveTo(root: string): void;
  start(): void;
  /** Resolves when it has ended; nobody starts it again. */
  stop(how: "SIGKILL" | "SIGTERM"): Promise<void>;
  /** Resolves when it says that it is ready; rejects with what it says instead. */
  ready(timeoutMs: number): Promise<void>;
  /** SIGKILL, or a graceful end, then a new process. */
  restart(how: "SIGKILL" | "SIGTERM", clockSkewMs?: number): Promise<void>;
  freeze(): void;
  thaw(): void;
  end(): Promise<void>;
}

export interface RoleOptions {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly logFolder: string;
  /** The repository whose services it runs (this one). */
  readonly root?: string;
}

/** What a process should not have to say: errors, and events that a consumer of ours could not apply at once. */
const remarkable = /"level":"?(?:error|fatal|50|60)"?|"msg":"event failed in its consumer"/;
const message = /"msg":"([^"]*)"/;

/** The processes of the run are started by the runtime that runs it. */
function commandLine(root: string, skewMs: number): [string, string[]] {
  const main = join(root, "services/runtime/main.ts");
  const isDeno = "Deno" in globalThis;
  const preload = skewMs === 0 ? [] : [isDeno ? "--preload" : "--import", clock];
  return [process.execPath, isDeno ? ["run", "-A", ...preload, main] : [...preload, main]];
}

class SupervisedRole implements Role {
  readonly name: string;
  readonly httpUrl: string;
  readonly opsUrl: string;
  readonly unexpectedEnds: UnexpectedEnd[] = [];
  readonly remarks = new Map<string, number>();
  readonly #environment: Record<string, string>;
  readonly #log: WriteStream;
  #root: string;
  #child: ChildProcess | undefined;
  #skewMs = 0;
  #wanted = false;
  #asked = false;
  #tail = "";
  #line = "";

  constructor(options: RoleOptions, httpPort: number, opsPort: number) {
    this.name = options.name;
    this.#root = options.root ?? ownRoot;
    this.httpUrl = `http://127.0.0.1:${httpPort}`;
    this.opsUrl = `http://127.0.0.1:${opsPort}`;
    this.#environment = {
      ...machineEnvironment(),
      HTTP_PORT: String(httpPort),
      OPS_PORT: String(opsPort),
      NODE_ID: options.name,
      LOG_FORMAT: "json",
      // Nobody looks, and each start would make it.
      CONSOLE: "off",
      ...options.env,
    };
    this.#log = createWriteStream(join(options.logFolder, `${options.name}.log`));
  }

  moveTo(root: string): void {
    this.#root = root;
  }

  start(): void {
    this.#wanted = true;
    this.#asked = false;
    const [program, args] = commandLine(this.#root, this.#skewMs);
    const child = spawn(program, args, {
      cwd: this.#root,
      env: { ...this.#environment, CHAOS_CLOCK_SKEW_MS: String(this.#skewMs) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    for (const output of [child.stdout, child.stderr]) {
      const keep = outputKeeper(this.#environment);
      output?.on("data", (chunk) => {
        this.#said(String(chunk));
        keep(String(chunk));
      });
    }
    child.once("close", (code, signal) => void this.#closed(child, code, signal));
  }

  async restart(how: "SIGKILL" | "SIGTERM", clockSkewMs?: number): Promise<void> {
    if (clockSkewMs !== undefined) this.#skewMs = clockSkewMs;
    await this.stop(how);
    await delay(restartDelayMs);
    this.start();
  }

  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  async end(): Promise<void> {
    this.#wanted = false;
    await this.stop("SIGKILL");
    this.#log.end();
  }

  async stop(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    this.#asked = true;
    if (this.#child !== undefined && !hasEnded(this.#child)) await stopChild(this.#child, signal);
  }

  ready(timeoutMs: number): Promise<void> {
    return eventually(
      async () => {
        const { status, text } = await request(`${this.opsUrl}/health/ready`);
        if (status !== 200) throw new Error(`${this.name} is not ready: ${text}`);
      },
      { timeoutMs },
    );
  }

  async #closed(child: ChildProcess, code: number | null, signal: string | null): Promise<void> {
    if (this.#asked || child !== this.#child) return;
    const output = this.#tail;
    this.unexpectedEnds.push({ role: this.name, at: new Date().toISOString(), code, signal, output });
    await delay(restartDelayMs);
    if (this.#wanted && !this.#asked && child === this.#child) this.start();
  }

  #said(text: string): void {
    if (!this.#log.writableEnded) this.#log.write(text);
    this.#tail = `${this.#tail}${text}`.slice(-outputTailChars);
    const lines = `${this.#line}${text}`.split("\n");
    this.#line = lines.pop() ?? "";
    for (const line of lines) {
      if (!remarkable.test(line)) continue;
      // Names and numbers of one case would make each case a message of its own.
      const said = (message.exec(line)?.[1] ?? line).replaceAll(/'[^']*'/g, "'…'");
      this.remarks.set(said, (this.remarks.get(said) ?? 0) + 1);
    }
  }
}

export const supervisedRole = async (options: RoleOptions): Promise<Role> =>
  new SupervisedRole(options, await fixedPort(), await fixedPort());
