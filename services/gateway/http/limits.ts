/** The gateway's bounds, and the limiter that keeps one client from taking all of it. */

export interface GatewayLimits {
  /** A service that has not answered by then is answered for with 503, so that every answer comes within 2 s. */
  readonly callTimeoutMs: number;
  /** One health check of one service. */
  readonly healthTimeoutMs: number;
  /** Requests in hand at once; beyond it 503 for all but health, before memory runs out. */
  readonly requestsInFlightMax: number;
  /** From the first byte of a request to the end of its headers (slow senders are cut off). */
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to the end of its body. */
  readonly requestTimeoutMs: number;
  /** An idle connection is kept for this long; longer than the 60 s of common load balancers. */
  readonly keepAliveTimeoutMs: number;
  /** When stopping, answers in flight have this long before their connections are cut. */
  readonly drainMs: number;
}

export const defaultLimits: GatewayLimits = {
  callTimeoutMs: 1_800,
  healthTimeoutMs: 1_000,
  requestsInFlightMax: 1_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  drainMs: 5_000,
};

const groupsOf = (text: string): string[] => text.split(":").filter((group) => group !== "");

/**
 * Whose requests are counted together: an IPv4 address, or an IPv6 network of 64 bits, of which one host has as many
 * addresses as it likes (RFC 4291 §2.5.1). `address` is as a socket has it.
 */
export function clientOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(":")) return mapped ?? address;
  const [bare = ""] = address.split("%");
  const [head = "", tail] = bare.split("::");
  const first = groupsOf(head);
  const last = groupsOf(tail ?? "");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const groups = [...first, ...Array.from({ length: zeros }, () => "0"), ...last];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}

export interface RateLimiter {
  /** One request of this address: 0 grants it; otherwise how many milliseconds to wait. */
  take(address: string, nowMs: number): number;
}

/** Client addresses remembered at most; the ones with all their requests left are forgotten first. */
const clientsMax = 50_000;
const minuteMs = 60_000;

/**
 * The generic cell rate algorithm: a burst of a minute's requests, then evenly. It keeps one number a client, the
 * time at which all its requests are available again.
 */
export function rateLimiter(requestsPerMinuteMax: number): RateLimiter {
  if (requestsPerMinuteMax === 0) return { take: () => 0 };
  const costMs = minuteMs / requestsPerMinuteMax;
  const fullAt = new Map<string, number>();
  const forget = (nowMs: number) => {
    for (const [key, time] of fullAt) if (time <= nowMs) fullAt.delete(key);
    if (fullAt.size >= clientsMax) fullAt.clear();
  };
  return {
    take(address, nowMs) {
      const key = clientOf(address);
      const next = Math.max(fullAt.get(key) ?? nowMs, nowMs) + costMs;
      const waitMs = next - nowMs - minuteMs;
      if (waitMs > 0.5) return waitMs;
      if (fullAt.size >= clientsMax) forget(nowMs);
      fullAt.set(key, next);
      return 0;
    },
  };
}
