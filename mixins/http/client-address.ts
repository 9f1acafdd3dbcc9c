/** Which address a request comes from when proxies stand between. */
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { bareAddress } from "../../services/contracts/networks.ts";

/** An entry of X-Forwarded-For: an address, or one with a port as some proxies write it; undefined for anything else. */
function forwardedAddress(entry: string): string | undefined {
  const text = entry.trim();
  const address = /^\[(.+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  return isIP(address) === 0 ? undefined : bareAddress(address);
}

/** More proxies in a row than anybody has. */
const hopsMax = 20;

export interface Client {
  readonly address: string;
  /** A trusted proxy has told it; else it is the other end of the connection. */
  readonly isForwarded: boolean;
}

/**
 * Who sent a request: the right-most entry of X-Forwarded-For that is no trusted proxy's, each of the others having been
 * written by the one to its right. What an untrusted peer says of itself, and what stands left of a word that is no
 * address, counts for nothing.
 */
export function clientOf(
  { socket, headers }: Pick<IncomingMessage, "socket" | "headers">,
  isTrusted: (address: string) => boolean,
): Client {
  const peer = bareAddress(socket.remoteAddress ?? "");
  const told = headers["x-forwarded-for"];
  if (told === undefined || !isTrusted(peer)) return { address: peer, isForwarded: false };
  let client: Client = { address: peer, isForwarded: false };
  for (const entry of String(told).split(",").slice(-hopsMax).toReversed()) {
    const address = forwardedAddress(entry);
    if (address === undefined) return client;
    client = { address, isForwarded: true };
    if (!isTrusted(address)) return client;
  }
  return client;
}
