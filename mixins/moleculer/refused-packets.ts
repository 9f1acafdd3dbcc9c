/**
 * Promise: every packet that is not believed is counted; the log tells of each reason at most once a minute, with whom it
 * was first and how many there were since. Whoever sends what nobody believes can't fill the log with it.
 */
import type { Peers } from "../../services/contracts/peers.ts";
import type { Logger } from "../log/logging.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Doubt } from "./call-transporter.ts";
import { packetRefusal } from "./packet-senders.ts";

const silentMs = 60_000;
/** Of what somebody else has written. */
const shownCharsMax = 200;

const shown = (value: unknown): string | undefined =>
  typeof value === "string" ? value.slice(0, shownCharsMax) : undefined;

interface Options {
  readonly log: Logger;
  readonly refused?: Metrics["packetsRefused"] | undefined;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

/** For the transporter of a process whose installation has named its peers. */
export function doubtOf(peers: Peers, { log, refused, now = () => performance.now() }: Options): Doubt {
  const told = new Map<string, { readonly atMs: number; since: number }>();
  return (user, command, payload) => {
    const reason = packetRefusal(peers, user, command, payload);
    if (reason === undefined) return undefined;
    refused?.inc({ reason });
    const last = told.get(reason);
    if (last !== undefined && now() - last.atMs < silentMs) {
      last.since += 1;
      return reason;
    }
    told.set(reason, { atMs: now(), since: 0 });
    const { sender, action, event } = (payload ?? {}) as Record<string, unknown>;
    log.warn(
      {
        reason,
        login: shown(user) ?? null,
        sender: shown(sender) ?? null,
        packet: command,
        ...(command === "REQ" ? { action: shown(action) } : {}),
        ...(command === "EVENT" ? { event: shown(event) } : {}),
        droppedSince: last?.since ?? 0,
      },
      "A packet is dropped, its sender may not say that",
    );
    return reason;
  };
}
