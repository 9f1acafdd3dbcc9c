/**
 * HTTP load out of a process of its own, so that making it and watching the systems do not get into each other's way,
 * and what it costs can be told apart. It lives as long as the run: its code is compiled after the first round.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { commandOf, root } from "../../support/processes.ts";
import { stopChild } from "../../support/provision/command.ts";
import type { LoadResult, Order } from "./order.ts";

export interface LoadGenerator {
  readonly pid: number;
  /** One after the other. Rejects when the order can't be done, or a request of it has failed that may not. */
  run(order: Order, options?: { readonly mayFail?: boolean }): Promise<LoadResult>;
  stop(): Promise<void>;
}

export const saturatingConnections = 32;

/** The prefix of addresses that nobody has asked for. */
export const freshPrefix = (): string => randomBytes(6).toString("hex");

function answersOf(child: ChildProcess): () => Promise<string> {
  let waiting: { resolve: (line: string) => void; reject: (error: Error) => void } | undefined;
  if (child.stdout === null) throw new TypeError("Cannot read the load generator's answers");
  createInterface({ input: child.stdout }).on("line", (line) => waiting?.resolve(line));
  child.once("exit", () => waiting?.reject(new Error("The load generator has ended")));
  return () =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject };
    });
}

export function loadGenerator(): LoadGenerator {
  const [program, args] = commandOf("node", "test/benchmark/load/main.ts", []);
  const child = spawn(program, args, {
    cwd: root,
    env: { PATH: process.env.PATH },
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.on("error", () => {}); // it has ended: shows as the end of the order
  const answer = answersOf(child);
  return {
    pid: child.pid ?? 0,
    async run(order, { mayFail = false } = {}) {
      const line = answer();
      child.stdin.write(`${JSON.stringify(order)}\n`);
      const result = JSON.parse(await line) as LoadResult | { error: string };
      if ("error" in result) throw new Error(`Cannot make the load: ${result.error}`);
      if (result.failed > 0 && !mayFail)
        throw new Error(
          `Cannot measure: ${result.failed} of ${result.failed + result.answered} requests failed (${order.work.kind}: ${result.failures})`,
        );
      return result;
    },
    stop: () => stopChild(child, "SIGTERM"),
  };
}
