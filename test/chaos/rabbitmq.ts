/** A RabbitMQ node of the run's own, with its own name, ports and folders, that can be killed and started again. */
import { type ChildProcess, spawn } from "node:child_process";
import { openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { connect } from "amqplib";
import { eventually } from "../support/eventually.ts";
import { hasEnded, runProgram, stopChild } from "../support/provision/command.ts";
import { administrationScript, prepareNode, rabbitPrograms } from "../support/provision/rabbitmq.ts";

const startTimeoutMs = 90_000;
const connectTimeoutMs = 3_000;
const commandTimeoutMs = 60_000;

export interface ChaosRabbit {
  readonly url: string;
  /** Runs rabbitmqctl; rejects when it fails. */
  control(...args: string[]): Promise<string>;
  /** SIGKILL to the whole node. */
  kill(): Promise<void>;
  /** Resolves when it takes connections. */
  start(): Promise<void>;
  /** Resolves when it takes connections after `start_app`. */
  ready(): Promise<void>;
  remove(): Promise<void>;
}

/** Rejects when there are no programs for it. */
export async function chaosRabbit(more: Parameters<typeof prepareNode>[1] = {}): Promise<ChaosRabbit> {
  const programs = await rabbitPrograms().catch((cause: unknown) => {
    throw new Error("Cannot start a RabbitMQ to be killed: install rabbitmq-server", { cause });
  });
  const node = await prepareNode(programs, more);
  const script = administrationScript(node, programs);
  const url = `amqp://guest:guest@127.0.0.1:${node.port}`;
  let child: ChildProcess | undefined;

  const ready = () =>
    eventually(
      async () => {
        if (child === undefined || hasEnded(child)) return;
        const connection = await connect(url, { timeout: connectTimeoutMs });
        await connection.close();
      },
      { timeoutMs: startTimeoutMs },
    );
  return {
    url,
    ready,
    async control(...args) {
      const { code, stdout, stderr } = await runProgram(script, args, { timeoutMs: commandTimeoutMs });
      if (code !== 0) throw new Error(`rabbitmqctl ${args[0]} failed: ${(stderr || stdout).trim()}`);
      return stdout;
    },
    async kill() {
      if (child !== undefined) await stopChild(child, "SIGKILL", { group: true });
    },
    async start() {
      const output = openSync(join(node.home, "output"), "a");
      child = spawn(join(programs.folder, "rabbitmq-server"), [], {
        detached: true,
        stdio: ["ignore", output, output],
        env: { ...process.env, ...node.environment },
      });
      child.on("error", () => {}); // shows as having ended
      await ready();
      if (hasEnded(child)) throw new Error(`RabbitMQ has ended with code ${child.exitCode}`);
    },
    async remove() {
      if (child !== undefined) await stopChild(child, "SIGTERM", { group: true });
      if (node.epmd !== undefined) await stopChild(node.epmd, "SIGKILL");
      rmSync(node.home, { recursive: true, force: true });
    },
  };
}
