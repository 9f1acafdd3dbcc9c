/** The gateway's bounds. What a client, a network and a caller may take of them is in addresses.ts and callers.ts. */

/** A client that sends a body, or takes a stream, no faster than this in the end is cut off. */
export const bytesPerSecondMin = 16 * 1024;

export interface GatewayLimits {
  /** A service that has not answered by then is answered for with 503, so that every answer comes within 2 s. */
  readonly callTimeoutMs: number;
  /** One health check of one service. */
  readonly healthTimeoutMs: number;
  /** Requests that are there as a whole and have no answer yet; beyond it 503 for all but health. */
  readonly requestsInFlightMax: number;
  /** Bodies of which the end has not come; beyond it 503. */
  readonly bodiesMax: number;
  /** … of one address; beyond it 429. */
  readonly bodiesPerAddressMax: number;
  /** A body has this long, and a second for every 16 KB of it that have come. */
  readonly bodyGraceMs: number;
  /** Open connections; beyond it they are closed unheard. */
  readonly connectionsMax: number;
  /** … of one address. */
  readonly connectionsPerAddressMax: number;
  /** Requests a minute of one address that fail to say who sends them; beyond it 429 for all of the address's. */
  readonly failuresPerMinuteMax: number;
  /** From the first byte of a request to the end of its headers (slow senders are cut off). */
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to the end of its body. */
  readonly requestTimeoutMs: number;
  /** Who neither sends nor takes anything for so long while an answer is due is cut off. */
  readonly stallTimeoutMs: number;
  /** Lists that are told as a whole at a time; beyond it 503. */
  readonly streamsMax: number;
  /** … to one caller; beyond it 429. */
  readonly streamsPerCallerMax: number;
  /** So long a reader of one may keep us waiting in all, and a second for every 16 KB that it has taken. */
  readonly streamGraceMs: number;
  /** An idle connection is kept for this long; longer than the 60 s of common load balancers. */
  readonly keepAliveTimeoutMs: number;
  /** … while more than half of the connections are in use. */
  readonly keepAliveTimeoutBusyMs: number;
  /** When stopping, answers in flight have this long before their connections are cut. */
  readonly drainMs: number;
  /** Between two questions for the access keys … */
  readonly keysEveryMs: number;
  /** … and how old their answer may be before nobody is let in by it. */
  readonly keysStaleMs: number;
  /** After the start the console is made, so long that a start in a crowd is over. */
  readonly consoleAfterMs: number;
}

export const defaultLimits: GatewayLimits = {
  callTimeoutMs: 1_800,
  healthTimeoutMs: 1_000,
  requestsInFlightMax: 1_000,
  bodiesMax: 200,
  bodiesPerAddressMax: 20,
  bodyGraceMs: 5_000,
  connectionsMax: 10_000,
  connectionsPerAddressMax: 100,
  failuresPerMinuteMax: 300,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  stallTimeoutMs: 45_000,
  streamsMax: 20,
  streamsPerCallerMax: 3,
  streamGraceMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  keepAliveTimeoutBusyMs: 15_000,
  drainMs: 5_000,
  keysEveryMs: 2_000,
  keysStaleMs: 60_000,
  consoleAfterMs: 2_000,
};
