/**
 * Ports of servers that are ended and started again on the same one. They lie below those that the system gives to
 * outgoing connections: of these one now and then took the port of a server that was away for a moment.
 */
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { requireFreePort } from "../../mixins/basics/ports.ts";

const lowest = 12_000;
const looksMax = 500;

/** Where outgoing connections begin: Linux says so, and no system's default lies lower. */
function firstOutgoing(): number {
  try {
    return Number(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s+/)[0]);
  } catch {
    return 32_768;
  }
}

const range = Math.max(1, firstOutgoing() - lowest);
let next = randomInt(range);

/** A port of the loopback interface that nobody listens on now, never the same twice. */
export async function fixedPort(): Promise<number> {
  for (let looks = 0; looks < looksMax; looks += 1) {
    const port = lowest + (next % range);
    next += 1;
    try {
      await requireFreePort("FIXED_PORT", "127.0.0.1", port);
      return port;
    } catch {
      // somebody's; the next one
    }
  }
  throw new Error(`Cannot find a free port: ${looksMax} below ${lowest + range} are taken`);
}
