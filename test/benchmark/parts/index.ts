/** All parts, in the order in which they run. */
import type { Part } from "../harness/part.ts";
import { creates } from "./creates.ts";
import { drains } from "./drains.ts";
import { growthAddress } from "./growth-address.ts";
import { growthBacklog } from "./growth-backlog.ts";
import { growthUsers } from "./growth-users.ts";
import { idle } from "./idle.ts";
import { instances } from "./instances.ts";
import { latency } from "./latency.ts";
import { peersPart } from "./peers.ts";
import { requests } from "./requests.ts";
import { runtimesPart } from "./runtimes.ts";
import { unfair } from "./unfair.ts";

export const parts: readonly Part[] = [
  ...[creates, latency, requests, drains, peersPart, idle],
  ...[growthUsers, growthAddress, growthBacklog, instances, runtimesPart, unfair],
];
