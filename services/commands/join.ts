/**
 * Promise: every command joins the running system in this one way, as one more node of it that hosts nothing; and within
 * 5 s of being typed it knows when it can't, and why.
 */
import { type BrokerOptions, ServiceBroker } from "moleculer";
import { within } from "../../mixins/basics/pause.ts";
import { poll } from "../../mixins/basics/poll.ts";
import { type Logger, silentLogger } from "../../mixins/log/logging.ts";
import { brokerOptions } from "../../moleculer.config.ts";
import type { Config } from "../config/index.ts";
import { UnreachableError } from "../contracts/exits.ts";
import { type LockOwner, ownerOf } from "../runtime/data-folder.ts";
import { LoopbackTransporter } from "../runtime/loopback.ts";
import { reasonOf, serverOf } from "../runtime/reasons.ts";
import { reachableFirst } from "./rabbitmq-probe.ts";

/** Of the 5 s, npm and the runtime need one before this code runs. */
const joinMaxMs = 4_000;
/** On a busy machine the start may have taken all of it; a system that is there answers within less. */
const stepMinMs = 2_000;
/** Processes make themselves known one by one. */
const settleMs = 1_500;
const pollMs = 20;
const leaveMaxMs = 2_000;

export interface Wanted {
  /** What can't be done without a system, as in `Cannot ask for a trace`. */
  readonly doing: string;
  /** Services without which it is not worth joining. */
  readonly needs?: readonly string[];
  /** Services that are waited for a little. */
  readonly hopes?: readonly string[];
  /** What the REPL adds to the broker. */
  readonly extras?: Pick<BrokerOptions, "middlewares" | "replOptions">;
}

export interface Joined {
  readonly broker: ServiceBroker;
  /** `RabbitMQ at …`, or the data folder of the system. */
  readonly where: string;
  /** Ends within seconds, whatever hangs. */
  leave(): Promise<void>;
}

interface Way {
  readonly where: string;
  readonly options: BrokerOptions;
  /** Why nobody answers there, when nobody does. */
  readonly silence: string;
}

/** Time that is left, counted from the start of this process. */
const leftMs = (): number => Math.max(stepMinMs, joinMaxMs - performance.now());
const pace = () => ({ everyMs: pollMs, maxMs: leftMs() });

/** The system of the data folder, once its door is open. */
async function embeddedOwner(dataDir: string, cannot: string): Promise<Required<LockOwner>> {
  const owner = await poll(
    () => ownerOf(dataDir),
    (now) => now === undefined || now.door !== undefined,
    pace(),
  );
  if (owner === undefined)
    throw new UnreachableError(
      `${cannot}: no system runs in ${dataDir} (npm start, or set DATA_DIR or AMQP_URL)`,
    );
  if (owner.door === undefined)
    throw new UnreachableError(`${cannot}: the mailroster with pid ${owner.pid} is starting or stopping`);
  return { ...owner, door: owner.door };
}

async function wayTo(config: Config, log: Logger, cannot: string): Promise<Way> {
  if (config.amqpUrl === undefined) {
    const { door, pid } = await embeddedOwner(config.dataDir, cannot);
    return {
      where: `the running system of ${config.dataDir} (node ${door.nodeId})`,
      options: { ...brokerOptions(config, log), transporter: new LoopbackTransporter(door.secret, door) },
      silence: `the mailroster with pid ${pid} does not answer`,
    };
  }
  const server = `RabbitMQ at ${serverOf(config.amqpUrl)}`;
  const amqpUrl = await reachableFirst(config.amqpUrl, config.nodeId, leftMs(), config.amqpTls).catch(
    (error: unknown) => {
      throw new UnreachableError(`${cannot}: ${server} ${reasonOf(error)}`, { cause: error });
    },
  );
  return {
    where: server,
    options: brokerOptions({ ...config, amqpUrl }, log),
    silence: `no process of mailroster is connected to ${server} (start one, or see that AMQP_URL is the same)`,
  };
}

/** The others that are there, and what they host. */
export function systemOf(broker: ServiceBroker): { readonly nodes: string[]; readonly services: string[] } {
  const nodes = broker.registry.getNodeList({ onlyAvailable: true, withServices: false }) as { id: string }[];
  const services = broker.registry.getServiceList({ onlyAvailable: true, skipInternal: true });
  return {
    nodes: nodes.flatMap(({ id }) => (id === broker.nodeID ? [] : id)),
    services: [...new Set(services.map(({ name }) => String(name)))],
  };
}

async function awaitSystem(broker: ServiceBroker, wanted: Wanted, silence: string): Promise<void> {
  const { doing, needs = [], hopes = [] } = wanted;
  let settledAt = Number.POSITIVE_INFINITY;
  const look = () => {
    const { nodes, services } = systemOf(broker);
    const missing = (names: readonly string[]) => names.filter((name) => !services.includes(name));
    const isThere = nodes.length > 0;
    if (isThere) settledAt = Math.min(settledAt, performance.now() + settleMs);
    const isSettled = performance.now() > settledAt;
    return { isThere, isSettled, needed: missing(needs), isWhole: isThere && missing(hopes).length === 0 };
  };
  const { isThere, isSettled, needed } = await poll(
    look,
    (now) => now.needed.length === 0 && (now.isSettled || now.isWhole),
    pace(),
  );
  if (!isThere && !isSettled) throw new UnreachableError(`Cannot ${doing}: ${silence}`);
  if (needed.length > 0)
    throw new UnreachableError(`Cannot ${doing}: no process hosts ${needed.join(", ")} now`);
}

/** Throws UnreachableError. */
export async function joinSystem(config: Config, log: Logger, wanted: Wanted): Promise<Joined> {
  const { where, options, silence } = await wayTo(config, log, `Cannot ${wanted.doing}`);
  const { middlewares = [], ...extras } = wanted.extras ?? {};
  const broker = new ServiceBroker({
    ...options,
    ...extras,
    middlewares: [...(options.middlewares ?? []), ...middlewares],
  });
  // With a connection that hangs, Moleculer's stop would wait for ever.
  const leave = (): Promise<void> => within(leaveMaxMs, "too late", broker.stop()).catch(() => {});
  try {
    await within(leftMs(), "too late", broker.start()).catch((cause: unknown) => {
      throw new UnreachableError(`Cannot ${wanted.doing}: ${where} does not answer`, { cause });
    });
    await awaitSystem(broker, wanted, silence);
    return { broker, where, leave };
  } catch (error) {
    await leave();
    throw error;
  }
}

/** Joins, without a line in any log, for as long as the work takes. Rejects as the work does, or with UnreachableError. */
export async function visitSystem<T>(
  config: Config,
  wanted: Wanted,
  work: (broker: ServiceBroker) => Promise<T>,
): Promise<T> {
  const { broker, leave } = await joinSystem(config, silentLogger(), wanted);
  try {
    return await work(broker);
  } finally {
    await leave();
  }
}
