/**
 * What one address may take before anybody has said who asks, so that no client takes what all need.
 *
 * Addresses are counted as those of who can have many: an IPv4 address, an IPv6 network of 64 bits, and one of 48 bits,
 * which has ten times as much (docs/security.md). Behind a proxy of TRUSTED_PROXIES the address is that of its client.
 *
 * Connections, bodies and failures of this machine itself are not counted by address: a proxy that runs here and is not
 * named has all users behind one address, and who is on the machine can do worse.
 */

import type { IncomingMessage } from "node:http";
import { type Buckets, buckets, type Grant } from "../../../mixins/basics/buckets.ts";
import { type Occupancy, occupancy } from "../../../mixins/basics/occupancy.ts";
import { clientOf } from "../../../mixins/http/client-address.ts";
import type { Config } from "../../config/index.ts";
import { authorityOf } from "../../contracts/host.ts";
import { bareAddress, inNetworks, isLoopbackAddress } from "../../contracts/networks.ts";
import type { GatewayLimits } from "./limits.ts";

/** How much more than one of its networks of 64 bits an IPv6 network of 48 bits has. */
const parentFactor = 10;
const minuteMs = 60_000;

const groupsOf = (text: string): string[] => text.split(":").filter((group) => group !== "");

/**
 * Whose requests are counted together: an IPv4 address, or an IPv6 network of 64 bits, of which one host has as many
 * addresses as it likes (RFC 4291 §2.5.1), and the one of 48 bits that one site is given (RFC 6177).
 */
export function networksOf(address: string): readonly [own: string, parent?: string] {
  const bare = bareAddress(address);
  if (!bare.includes(":")) return [bare];
  const [head = "", tail] = bare.split("::");
  const first = groupsOf(head);
  const last = groupsOf(tail ?? "");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const groups = [...first, ...Array.from({ length: zeros }, () => "0"), ...last];
  const prefix = (count: number) =>
    groups
      .slice(0, count)
      .map((group) => Number.parseInt(group, 16).toString(16))
      .join(":");
  return [`${prefix(4)}::/64`, `${prefix(3)}::/48`];
}

/** Why there is no room for a body. */
export type NoRoom = "address" | "all";

export interface AddressLimits {
  /** One request, whatever becomes of it; undefined: they are not counted. */
  request(req: IncomingMessage, nowMs: number): Grant | undefined;
  /** Until when the address may not try again who it is: 0, or milliseconds. */
  failureWaitMs(req: IncomingMessage, nowMs: number): number;
  /** Both at once: what a request is let in by. */
  admit(
    req: IncomingMessage,
    nowMs: number,
  ): { readonly failureWaitMs: number; readonly grant: Grant | undefined };
  failed(req: IncomingMessage, nowMs: number): void;
  /** Returns how to leave again. */
  body(req: IncomingMessage): (() => void) | NoRoom;
  /** Of the other end of a connection; undefined: it has too many. */
  connection(peer: string): (() => void) | undefined;
}

interface AddressOptions {
  readonly limits: GatewayLimits;
  /** 0: requests are not counted. */
  readonly requestsPerMinuteMax: number;
  readonly isTrustedProxy: (address: string) => boolean;
}

const inNone = (): void => {};

/** Both or none. */
function enterBoth(all: Occupancy, address: string, max: number): (() => void) | undefined {
  const [own, parent] = networksOf(address);
  const leave = all.enter(own, max);
  if (leave === undefined || parent === undefined) return leave;
  const leaveParent = all.enter(parent, max * parentFactor);
  if (leaveParent === undefined) {
    leave();
    return undefined;
  }
  return () => {
    leave();
    leaveParent();
  };
}

const longer = (one: Grant, other: Grant): Grant => (other.waitMs > one.waitMs ? other : one);

function lookBoth(all: Buckets, address: string, perMinute: number, nowMs: number): Grant {
  const [own, parent] = networksOf(address);
  const grant = all.look(own, perMinute, nowMs);
  return parent === undefined ? grant : longer(grant, all.look(parent, perMinute * parentFactor, nowMs));
}

/** Both or none. */
function takeBoth(all: Buckets, address: string, perMinute: number, nowMs: number): Grant {
  const grant = lookBoth(all, address, perMinute, nowMs);
  if (grant.waitMs > 0) return grant;
  const [own, parent] = networksOf(address);
  if (parent !== undefined) all.take(parent, perMinute * parentFactor, nowMs);
  return all.take(own, perMinute, nowMs);
}

export function addressLimits({
  limits,
  requestsPerMinuteMax,
  isTrustedProxy,
}: AddressOptions): AddressLimits {
  const requests = buckets();
  const failures = buckets();
  const bodies = occupancy();
  const bodiesOf = occupancy();
  const connections = occupancy();
  let failedAtMs = Number.NEGATIVE_INFINITY;
  /** undefined: this machine itself. */
  const countedOf = (req: IncomingMessage): string | undefined => {
    const { address, isForwarded } = clientOf(req, isTrustedProxy);
    return !isForwarded && isLoopbackAddress(address) ? undefined : address;
  };
  const own: AddressLimits = {
    admit(req, nowMs) {
      const failureWaitMs = own.failureWaitMs(req, nowMs);
      return { failureWaitMs, grant: failureWaitMs > 0 ? undefined : own.request(req, nowMs) };
    },
    request: (req, nowMs) =>
      requestsPerMinuteMax === 0
        ? undefined
        : takeBoth(requests, clientOf(req, isTrustedProxy).address, requestsPerMinuteMax, nowMs),
    failureWaitMs(req, nowMs) {
      // By then every allowance is whole again.
      if (nowMs - failedAtMs > minuteMs) return 0;
      const address = countedOf(req);
      return address === undefined
        ? 0
        : lookBoth(failures, address, limits.failuresPerMinuteMax, nowMs).waitMs;
    },
    failed(req, nowMs) {
      const address = countedOf(req);
      if (address === undefined) return;
      failedAtMs = nowMs;
      takeBoth(failures, address, limits.failuresPerMinuteMax, nowMs);
    },
    body(req) {
      const leaveAll = bodies.enter("all", limits.bodiesMax);
      if (leaveAll === undefined) return "all";
      const address = countedOf(req);
      if (address === undefined) return leaveAll;
      const leave = enterBoth(bodiesOf, address, limits.bodiesPerAddressMax);
      if (leave === undefined) {
        leaveAll();
        return "address";
      }
      return () => {
        leaveAll();
        leave();
      };
    },
    connection: (peer) =>
      isLoopbackAddress(peer) || isTrustedProxy(peer)
        ? inNone
        : enterBoth(connections, peer, limits.connectionsPerAddressMax),
  };
  return own;
}

/** As the client called us: its Host was let through, and a proxy that is trusted knows of TLS. */
export function originsBy({ trustedProxies, httpHost, httpPort }: Config): (req: IncomingMessage) => string {
  const isTrusted = inNetworks(trustedProxies);
  return ({ headers, socket }) => {
    const isSecure = headers["x-forwarded-proto"] === "https" && isTrusted(socket.remoteAddress);
    return `${isSecure ? "https" : "http"}://${headers.host ?? authorityOf(httpHost, httpPort)}`;
  };
}
