/**
 * Makes the faults of a schedule happen. Each belongs to one target; a target has one fault at a time, so that a
 * node is not stopped while it starts, and different targets fail at the same time. The deletion of an empty queue
 * needs the system whole and idle: it waits for what is under way, and what comes after waits for it.
 */
import { setTimeout as delay } from "node:timers/promises";
import { consumers } from "../../services/contracts/consumers.ts";
import type { TcpProxy } from "../support/tcp-proxy.ts";
import type { Cluster, LineName, RoleName } from "./cluster.ts";
import type { Role } from "./role.ts";
import type { Fault, FaultKind } from "./schedule.ts";

/** A fault as it happened; times in milliseconds since the run began. */
export interface FaultRecord extends Fault {
  readonly startedMs: number;
  endedMs?: number;
  /** Why it did not happen as it should have. */
  problem?: string;
}

export interface FaultDeps {
  readonly cluster: Cluster;
  readonly elapsedMs: () => number;
  /** Stops the load, waits until all that is committed has been applied, runs `work`, lets the load go on. */
  readonly whileIdle: (work: () => Promise<void>) => Promise<void>;
  readonly onStart: (record: FaultRecord) => void;
}

const wholeMemory = "0.4";
const noMemory = "0.00001";
const queueBackTimeoutMs = 20_000;
const queuePollMs = 200;

export const isSystemWide = (fault: Fault): boolean => fault.kind === "empty queue deleted";

async function deleteQueue({ cluster, whileIdle }: FaultDeps, { number }: Fault): Promise<void> {
  const queue = number % 2 === 0 ? consumers.audit.queue : consumers["smtp-registry"].queue;
  await whileIdle(async () => {
    await cluster.rabbit.control("delete_queue", queue);
    // With the load still off: until it is declared again, what is published goes to the other queues alone.
    const deadline = Date.now() + queueBackTimeoutMs;
    for (;;) {
      const names = await cluster.rabbit.control("-q", "list_queues", "name");
      if (names.split("\n").includes(queue)) return;
      if (Date.now() > deadline) throw new Error(`${queue} was not declared again`);
      await delay(queuePollMs);
    }
  });
}

type Happen = (deps: FaultDeps, fault: Fault) => Promise<unknown> | unknown;

/** `begin`, then nothing for as long as the fault lasts, then `end`. */
const lasting =
  (begin: Happen, end: Happen): Happen =>
  async (deps, fault) => {
    await begin(deps, fault);
    await delay(fault.durationMs);
    await end(deps, fault);
  };

const roleOf = ({ cluster }: FaultDeps, { target }: Fault): Role => {
  const role = cluster.roles.get(target as RoleName);
  if (role === undefined) throw new Error(`Cannot find the process ${target}: there is none`);
  return role;
};

const lineOf = ({ cluster }: FaultDeps, { target }: Fault): TcpProxy => {
  const line = cluster.lines.get(target as LineName);
  if (line === undefined) throw new Error(`Cannot find the line ${target}: there is none`);
  return line;
};

const setMemory =
  (share: string): Happen =>
  ({ cluster }) =>
    cluster.rabbit.control("set_vm_memory_high_watermark", share);

const endSessions = `
  select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname like 'chaos%'`;

const happenings: Readonly<Record<FaultKind, Happen>> = {
  "process killed": (deps, fault) => roleOf(deps, fault).restart("SIGKILL"),
  "process restarted in order": (deps, fault) => roleOf(deps, fault).restart("SIGTERM"),
  "process with a wrong clock": (deps, fault) => roleOf(deps, fault).restart("SIGKILL", fault.amount),
  "process frozen": lasting(
    (deps, fault) => roleOf(deps, fault).freeze(),
    (deps, fault) => roleOf(deps, fault).thaw(),
  ),
  "broker application stopped": lasting(
    ({ cluster }) => cluster.rabbit.control("stop_app"),
    async ({ cluster }) => {
      await cluster.rabbit.control("start_app");
      await cluster.rabbit.ready();
    },
  ),
  "broker killed": lasting(
    ({ cluster }) => cluster.rabbit.kill(),
    ({ cluster }) => cluster.rabbit.start(),
  ),
  "broker closes all connections": ({ cluster }) => cluster.rabbit.control("close_all_connections", "chaos"),
  "broker out of memory": lasting(setMemory(noMemory), setMemory(wholeMemory)),
  "empty queue deleted": deleteQueue,
  "database crashed": lasting(
    ({ cluster }) => cluster.postgres.crash(),
    ({ cluster }) => cluster.postgres.start(),
  ),
  "database ends its sessions": ({ cluster }) => cluster.postgres.query("postgres", endSessions),
  "line cut": (deps, fault) => lineOf(deps, fault).cut(),
  "line refused": lasting(
    (deps, fault) => lineOf(deps, fault).refuse(),
    (deps, fault) => lineOf(deps, fault).accept(),
  ),
  "line frozen": lasting(
    (deps, fault) => lineOf(deps, fault).freeze(),
    (deps, fault) => lineOf(deps, fault).thaw(),
  ),
  "line slow": lasting(
    (deps, fault) => lineOf(deps, fault).slow(fault.amount ?? 0),
    (deps, fault) => lineOf(deps, fault).slow(0),
  ),
};

/** Runs the schedule; resolves with what happened when the last fault has ended. Never rejects. */
export async function runFaults(
  deps: FaultDeps,
  schedule: readonly Fault[],
  stop: AbortSignal,
): Promise<readonly FaultRecord[]> {
  const records: FaultRecord[] = [];
  const busy = new Map<string, Promise<void>>();
  const startedAt = performance.now();

  const perform = async (fault: Fault, before: Promise<unknown>): Promise<void> => {
    await before;
    if (stop.aborted) return;
    const record: FaultRecord = { ...fault, startedMs: deps.elapsedMs() };
    records.push(record);
    deps.onStart(record);
    try {
      await happenings[fault.kind](deps, fault);
    } catch (error) {
      record.problem = (error as Error).message;
    }
    record.endedMs = deps.elapsedMs();
  };

  for (const fault of schedule) {
    const waitMs = fault.atMs - (performance.now() - startedAt);
    await delay(Math.max(0, waitMs), undefined, { signal: stop }).catch(() => {});
    if (stop.aborted) break;
    if (isSystemWide(fault)) {
      await Promise.all(busy.values());
      await perform(fault, Promise.resolve());
    } else {
      const before = busy.get(fault.target) ?? Promise.resolve();
      busy.set(fault.target, perform(fault, before));
    }
  }
  await Promise.all(busy.values());
  return records;
}
