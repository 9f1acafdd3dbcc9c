/**
 * Promise: smtp-registry either answers within `registryTimeoutMs`, or the write is refused as Unavailable; every wait
 * for it is measured. A Refusal of the registry reaches the client with pointers into the client's own request.
 */
import { Errors } from "moleculer";
import type { Metrics } from "../../mixins/metrics.ts";
import { type CallOptions, callAction } from "../../mixins/platform.ts";
import type { ActionInput, Reservation } from "../contracts/actions.ts";
import { Unavailable } from "../contracts/errors.ts";

/** Part of the write's budget (write.ts): what is left must do for the transaction. */
export const registryTimeoutMs = 1_500;
const releaseTimeoutMs = 1_000;

type Caller = Parameters<typeof callAction>[0];

export interface Registry {
  /** Throws Refusal `address-taken`, or Unavailable. */
  reserve(request: ActionInput<"smtp-registry.reserve">, timeoutMs: number): Promise<Reservation>;
  /** Best effort: what can't be released lapses by itself. Never rejects. */
  release(reservation: { reservationId: string; userId: string }): Promise<void>;
}

/** The ways in which a call ends without an answer of the callee; an open circuit is a ServiceNotAvailableError. */
const transportFaults = [
  Errors.ServiceNotFoundError,
  Errors.ServiceNotAvailableError,
  Errors.RequestTimeoutError,
  Errors.RequestSkippedError,
  Errors.RequestRejectedError,
  Errors.QueueIsFullError,
  Errors.BrokerDisconnectedError,
] as const;

/** A registry without its own database is as unreachable for a write as one that is not there. */
const isFault = (error: unknown): boolean =>
  error instanceof Unavailable || transportFaults.some((fault) => error instanceof fault);

export function registryClient(caller: Caller, metrics: Metrics): Registry {
  return {
    async reserve(request, timeoutMs) {
      const options: CallOptions = {
        timeout: Math.max(1, Math.min(registryTimeoutMs, Math.floor(timeoutMs))),
      };
      const end = metrics.smtpCheckDuration.startTimer();
      try {
        return await callAction(caller, "smtp-registry.reserve", request, options);
      } catch (cause) {
        if (!isFault(cause)) throw cause;
        throw new Unavailable("smtp-registry", "The address registry can't be reached", { cause });
      } finally {
        end();
      }
    },
    async release(reservation) {
      try {
        await callAction(caller, "smtp-registry.release", reservation, { timeout: releaseTimeoutMs });
      } catch {
        // The hold ends by its time to live; the write has failed already and must say why it did.
      }
    },
  };
}
