/**
 * Promise: others call a process no more before it stops serving what they have sent it.
 *
 * Moleculer announces so at the beginning of `broker.stop()`, and takes it back with each service that is destroyed
 * before: the others are told of those that remain. Here nothing is offered any more until the end.
 */
import type { ServiceBroker } from "moleculer";
import { pause } from "../basics/pause.ts";

/** Until everybody has heard of it; who calls before has its answer. */
const leaveMs = 500;

interface Internals {
  regenerateLocalRawInfo(isNews: boolean, isStopping?: boolean): unknown;
  readonly discoverer: { sendLocalNodeInfo(): Promise<void> };
}

/** Resolves when the others have had time to hear it. */
export async function leave(broker: ServiceBroker): Promise<void> {
  const registry = broker.registry as unknown as Internals;
  const regenerate = registry.regenerateLocalRawInfo.bind(registry);
  registry.regenerateLocalRawInfo = (isNews) => regenerate(isNews, true);
  registry.regenerateLocalRawInfo(true);
  await registry.discoverer.sendLocalNodeInfo();
  await pause(leaveMs, new AbortController().signal);
}
