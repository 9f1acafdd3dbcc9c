/**
 * Promise: smtp-registry either answers within `registryTimeoutMs` and what is left to the write, or the write is
 * refused as Unavailable; every wait for a reservation is measured. Once it has stopped answering, only one write at a
 * time waits for it (mixins/circuit-breaker.ts). A Refusal of the registry passes as it is: conflicts.ts puts it in the
 * terms of the client's own request.
 */
import { Errors } from "moleculer";
import { CircuitOpen, circuitBreaker } from "../../mixins/circuit-breaker.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import type { CircuitState, Metrics } from "../../mixins/metrics/metrics.ts";
import { callAction } from "../../mixins/moleculer/calls.ts";
import type { ActionInput } from "../contracts/actions.ts";
import type { Assignment } from "../contracts/assignment.ts";
import { Unavailable } from "../contracts/errors.ts";
import type { AddressInfo } from "../contracts/look-up.ts";
import type { Reservation } from "../contracts/reservations.ts";

/** Part of the write's budget (commit.ts): what is left must do for the transaction. */
export const registryTimeoutMs = 1_400;
const releaseTimeoutMs = 1_000;
const generationTimeoutMs = 1_000;
/** Both, and the write between them, are part of one budget. */
const lookUpTimeoutMs = 700;
const freeTimeoutMs = 500;

type Caller = Parameters<typeof callAction>[0];

export interface ReserveOptions {
  readonly timeoutMs: number;
  /** Called when the request leaves; if it never does, there is nothing to release. */
  readonly sending: () => void;
}

export interface Registry {
  /** Throws Refusal `address-taken`, or Unavailable. */
  reserve(request: ActionInput<"smtp-registry.reserve">, options: ReserveOptions): Promise<Reservation>;
  /** A generation that it has never given, above this one. Throws Unavailable. */
  generationAbove(above: number): Promise<number>;
  /** Best effort: what can't be released lapses, once users has said that nobody has it. Never rejects. */
  release(reservation: ActionInput<"smtp-registry.release">): Promise<void>;
  /** Throws Unavailable. */
  lookUp(address: string): Promise<AddressInfo>;
  /** Ends a tombstone. Throws Unavailable. */
  free(request: ActionInput<"smtp-registry.free">): Promise<void>;
  circuit(): CircuitState;
  /** A service has come or gone: if the registry was away, it is worth asking again. */
  mayBeBack(): void;
}

/** The ways in which a call ends without an answer of the callee. */
const transportFaults = [
  Errors.ServiceNotFoundError,
  Errors.ServiceNotAvailableError,
  Errors.RequestTimeoutError,
  Errors.RequestSkippedError,
  Errors.RequestRejectedError,
  Errors.QueueIsFullError,
  Errors.BrokerDisconnectedError,
] as const;

/**
 * A registry without its own database is as unreachable for a write as one that is not there. One that says it could
 * not do this request, because others were faster, has answered: that must not stop those who want other addresses.
 */
const isFault = (error: unknown): boolean =>
  error instanceof Unavailable
    ? error.data.dependency !== "smtp-registry"
    : transportFaults.some((fault) => error instanceof fault);

const unreachable = (cause: unknown): unknown =>
  isFault(cause) && !(cause instanceof CircuitOpen)
    ? new Unavailable("smtp-registry", "The address registry can't be reached", { cause })
    : cause;

export function registryClient(caller: Caller, metrics: Metrics, log: Logger): Registry {
  const breaker = circuitBreaker({ target: "smtp-registry", isFault, log, metrics });
  return {
    async reserve(request, { timeoutMs, sending }) {
      const timeout = Math.max(1, Math.min(registryTimeoutMs, Math.floor(timeoutMs)));
      try {
        return await breaker.run(timeout, async () => {
          sending();
          const end = metrics.smtpCheckDuration.startTimer();
          try {
            return await callAction(caller, "smtp-registry.reserve", request, { timeout });
          } finally {
            end();
          }
        });
      } catch (cause) {
        throw unreachable(cause);
      }
    },
    async generationAbove(above) {
      try {
        const timeout = generationTimeoutMs;
        return (await callAction(caller, "smtp-registry.generation", { above }, { timeout })).generation;
      } catch (cause) {
        throw unreachable(cause);
      }
    },
    async release(reservation) {
      try {
        await callAction(caller, "smtp-registry.release", reservation, { timeout: releaseTimeoutMs });
      } catch {
        // The hold is settled after its time to live; the write has failed already and must say why it did.
      }
    },
    async lookUp(address) {
      try {
        return await callAction(caller, "smtp-registry.lookup", { address }, { timeout: lookUpTimeoutMs });
      } catch (cause) {
        throw unreachable(cause);
      }
    },
    async free(request) {
      try {
        await callAction(caller, "smtp-registry.free", request, { timeout: freeTimeoutMs });
      } catch (cause) {
        throw unreachable(cause);
      }
    },
    circuit: breaker.state,
    mayBeBack: breaker.mayBeBack,
  };
}

/** Which address was asked for, which was assigned, and why; of those that differ. */
export const assignmentsOf = (reservation: Reservation): Assignment[] =>
  reservation.addresses
    .filter(({ requested, assigned }) => requested !== assigned)
    .map(({ requested, assigned, kind, reason }) => ({
      requested,
      assigned,
      kind,
      reason: reason ?? "active",
    }));
