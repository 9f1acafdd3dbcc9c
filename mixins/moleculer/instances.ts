/**
 * Promise: of several instances of a service those are called that answer. One that says nothing at all, to a call or to
 * a ping, is passed over until it is heard again; one that lives but leaves the calls of a service unanswered, or has
 * lost its own database, is passed over for that service but for a call now and then that tries. When all are such, all
 * are called: whether then any call is worth sending is the caller's affair (circuit-breaker.ts).
 *
 * Moleculer gives a node up when heartbeats were missed for a while; until then every second call of two instances went to
 * the dead one. The decisions alone; every time comes in, from one monotonic clock.
 */
import { type CircuitLimits, circuit, type Pass } from "../circuit-breaker.ts";

export const instanceLimits = {
  /** A call that waits for longer makes us ask its instance whether it lives. */
  suspectAfterMs: 300,
  /** It lives when anything is heard of it within that time. */
  pongWaitMs: 300,
  /** Between two pings to one that is silent or slow. */
  pingMs: 500,
} as const;

/** Between two looks is less; who was frozen or cut off in between has not heard yet what others have said. */
const deafMs = 1_000;

/** By instance and service. A try costs a caller its patience, so they are rarer than the role's. */
export const instanceCircuitLimits: CircuitLimits = {
  faultsMax: 3,
  quietMs: 500,
  openMs: 5_000,
  patienceMinMs: 500,
};

interface Suspect {
  askedAtMs: number;
  isHeard: boolean;
  isSilent: boolean;
}

type Circuit = ReturnType<typeof circuit>;

export interface InstancesOptions {
  readonly ping: (nodeID: string) => void;
  /** It is passed over from now on, or no more. */
  readonly changed: (nodeID: string, isSilent: boolean) => void;
}

export interface Instances {
  /** Anything came from it. */
  heard(nodeID: string): void;
  /** A call to it waits. */
  waits(nodeID: string, nowMs: number): void;
  /** There is nothing that could take a call for it. */
  unreachable(nodeID: string, nowMs: number): void;
  /** It has left; what is known of it is forgotten. */
  left(nodeID: string): void;
  /** To be called several times a second, while we are connected ourselves. */
  look(nowMs: number): void;
  isSilent(nodeID: string): boolean;
  /** Whether a call of that patience should go to it. */
  isGood(nodeID: string, service: string, patienceMs: number, nowMs: number): boolean;
  begin(nodeID: string, service: string, patienceMs: number, nowMs: number): Pass | undefined;
  end(nodeID: string, service: string, pass: Pass | undefined, isFault: boolean, nowMs: number): void;
}

export function instances({ ping, changed }: InstancesOptions): Instances {
  const suspects = new Map<string, Suspect>();
  /** Of a node by service; few have one, because only a fault makes it. */
  const circuits = new Map<string, Map<string, Circuit>>();
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  const circuitOf = (nodeID: string, service: string): Circuit | undefined =>
    circuits.get(nodeID)?.get(service);

  const ask = (nodeID: string, nowMs: number, isSilent: boolean): void => {
    suspects.set(nodeID, { askedAtMs: nowMs, isHeard: false, isSilent });
    ping(nodeID);
  };
  const silence = (nodeID: string, suspect: Suspect): void => {
    if (!suspect.isSilent) changed(nodeID, true);
    suspect.isSilent = true;
  };

  return {
    heard(nodeID) {
      const suspect = suspects.get(nodeID);
      if (suspect === undefined || suspect.isHeard) return;
      suspect.isHeard = true;
      if (suspect.isSilent) changed(nodeID, false);
      suspect.isSilent = false;
    },
    waits(nodeID, nowMs) {
      if (!suspects.has(nodeID)) ask(nodeID, nowMs, false);
    },
    unreachable(nodeID, nowMs) {
      const suspect = suspects.get(nodeID);
      if (suspect?.isSilent) return;
      changed(nodeID, true);
      ask(nodeID, nowMs, true);
    },
    left(nodeID) {
      suspects.delete(nodeID);
      circuits.delete(nodeID);
    },
    look(nowMs) {
      const wasDeaf = nowMs - lookedAtMs > deafMs;
      lookedAtMs = nowMs;
      for (const [nodeID, suspect] of suspects) {
        if (wasDeaf) suspect.askedAtMs = nowMs;
        const sinceMs = nowMs - suspect.askedAtMs;
        if (!suspect.isHeard && sinceMs >= instanceLimits.pongWaitMs) silence(nodeID, suspect);
        if (sinceMs < instanceLimits.pingMs) continue;
        if (suspect.isSilent) ask(nodeID, nowMs, true);
        else suspects.delete(nodeID);
      }
    },
    isSilent: (nodeID) => suspects.get(nodeID)?.isSilent === true,
    isGood: (nodeID, service, patienceMs, nowMs) =>
      suspects.get(nodeID)?.isSilent !== true &&
      circuitOf(nodeID, service)?.isOpenFor(patienceMs, nowMs) !== false,
    begin(nodeID, service, patienceMs, nowMs) {
      const known = circuitOf(nodeID, service);
      if (known === undefined) return { period: 0, patienceMs };
      const admission = known.admit(patienceMs, nowMs);
      return "pass" in admission ? admission.pass : undefined;
    },
    end(nodeID, service, pass, isFault, nowMs) {
      const known = circuitOf(nodeID, service);
      if (!isFault) {
        // Who answers and is trusted again is as good as one of whom nothing is known, but for when it last answered.
        if (known !== undefined && pass !== undefined) known.answered(pass, nowMs);
        return;
      }
      if (pass === undefined) return;
      const own = known ?? circuit(instanceCircuitLimits);
      if (known === undefined) {
        const ofNode = circuits.get(nodeID) ?? new Map<string, Circuit>();
        circuits.set(nodeID, ofNode.set(service, own));
      }
      own.failed(pass, nowMs);
    },
  };
}
