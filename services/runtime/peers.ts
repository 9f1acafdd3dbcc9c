/**
 * Promise: a process says that it is ready when those who may call it know that it is there, not only when it is connected:
 * whoever restarts one process after the other, each as soon as the last is ready, never has a caller that knows of none.
 * The first process of an installation has nobody to ask, and one that gets no answer waits no longer than `maxMs`.
 */
import type { ServiceBroker } from "moleculer";
import { pause } from "../../mixins/basics/pause.ts";
import type { Logger } from "../../mixins/log/logging.ts";

const askTimeoutMs = 1_000;
const againMs = 100;
const knownMsMax = 10_000;

interface Listed {
  readonly name: string;
  readonly nodes: readonly string[];
}

const isInternal = (name: string): boolean => name.startsWith("$");

/** What each process has announced of itself; the commands host nothing, and call nobody by chance. */
function peersOf(broker: ServiceBroker): string[] {
  const nodes = broker.registry.getNodeList({ onlyAvailable: true, withServices: true }) as unknown as {
    readonly id: string;
    readonly local: boolean;
    readonly services: readonly { readonly name: string }[] | null;
  }[];
  return nodes
    .filter(({ local, services }) => !local && services?.some(({ name }) => !isInternal(name)))
    .map(({ id }) => id);
}

/** Whether that process would call all that this one hosts. */
async function isKnownTo(nodeID: string, broker: ServiceBroker): Promise<boolean> {
  const ask = broker.call as (name: string, params: object, options: object) => Promise<Listed[]>;
  const own = broker.services.map(({ name }) => name).filter((name) => !isInternal(name));
  try {
    const list = await ask.call(
      broker,
      "$node.services",
      { onlyAvailable: true, skipInternal: true },
      { nodeID, timeout: askTimeoutMs },
    );
    const here = list.filter(({ nodes }) => nodes.includes(broker.nodeID)).map(({ name }) => name);
    return own.every((name) => here.includes(name));
  } catch {
    return false;
  }
}

export interface Acquaintance {
  /** Throws while somebody does not know of this process yet. */
  check(): void;
}

/** Begins to ask when `isConnected`; ends by itself, or with the signal. */
export function acquaintance(
  broker: ServiceBroker,
  isConnected: () => boolean,
  log: Logger,
  signal: AbortSignal,
): Acquaintance {
  let strangers: readonly string[] | undefined;
  const ask = async (): Promise<void> => {
    while (!signal.aborted && !isConnected()) await pause(againMs, signal);
    const untilMs = performance.now() + knownMsMax;
    const known = new Set<string>();
    while (!signal.aborted && performance.now() < untilMs) {
      const asked = peersOf(broker).filter((id) => !known.has(id));
      const answers = await Promise.all(asked.map((id) => isKnownTo(id, broker)));
      strangers = asked.filter((_, index) => answers[index] === false);
      for (const id of asked) if (!strangers.includes(id)) known.add(id);
      if (strangers.length === 0) return;
      await pause(againMs, signal);
    }
    if (signal.aborted) return;
    log.warn({ nodes: strangers }, "not all others have said that they know of this process");
    strangers = [];
  };
  void ask();
  return {
    check() {
      if (strangers === undefined) throw new Error("not connected to the others yet");
      if (strangers.length > 0) throw new Error(`not known to ${strangers.join(", ")} yet`);
    },
  };
}
