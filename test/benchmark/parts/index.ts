/** All parts, in the order in which they run. */
import type { Part } from "../harness/part.ts";
import { consolePart } from "./console.ts";
import { countsPart } from "./counts.ts";
import { creates } from "./creates.ts";
import { drains } from "./drains.ts";
import { growthAddress } from "./growth-address.ts";
import { growthBacklog } from "./growth-backlog.ts";
import { growthUsers } from "./growth-users.ts";
import { idempotent } from "./idempotent.ts";
import { idle } from "./idle.ts";
import { importPart } from "./import.ts";
import { instances } from "./instances.ts";
import { keysPart } from "./keys.ts";
import { latency } from "./latency.ts";
import { mailPart } from "./mail.ts";
import { memory } from "./memory.ts";
import { peersPart } from "./peers.ts";
import { search, statusPart } from "./reads.ts";
import { requests } from "./requests.ts";
import { runtimesPart } from "./runtimes.ts";
import { scimPart, scimSync } from "./scim.ts";
import { size } from "./size.ts";
import { unfair } from "./unfair.ts";

export const parts: readonly Part[] = [
  ...[creates, latency, requests, drains, peersPart, idle],
  ...[growthUsers, growthAddress, growthBacklog, instances, runtimesPart, unfair, keysPart],
  ...[
    mailPart,
    importPart,
    scimPart,
    scimSync,
    idempotent,
    search,
    statusPart,
    memory,
    size,
    consolePart,
    countsPart,
  ],
];
