/**
 * Promise: whoever begins a pass over HTTP is answered as soon as it has begun, once for a request and its repeats, and
 * it goes on without them; what somebody waits for and what the clock begins is kept in the same way.
 */
import type { ServiceBroker } from "moleculer";
import { askerOf } from "../../mixins/context/correlation.ts";
import type { Idempotency, Ticket } from "../../mixins/idempotency.ts";
import { errorText } from "../../mixins/log/error-text.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import type { CallMeta } from "../contracts/actions.ts";
import { Refusal, Unavailable } from "../contracts/errors.ts";
import type { Reconciliation } from "../contracts/reconciliations.ts";
import type { About, Reports } from "./reports.ts";
import type { WorkOptions } from "./work.ts";

/** Somebody else's work is under way. */
export class Busy extends Unavailable {}

interface Asked {
  readonly broker: ServiceBroker;
  readonly params: unknown;
  readonly meta: CallMeta;
}

type Work<T> = (options: WorkOptions) => Promise<T>;

interface Options {
  readonly reports: Reports;
  readonly keys: Idempotency;
  /** Of all processes one at a time does the work; throws Busy. */
  readonly alone: <T>(broker: ServiceBroker, work: Work<T>) => Promise<T>;
  readonly log: Logger;
  readonly isStopping: () => boolean;
}

export function aboutOf({ meta }: Pick<Asked, "meta">, kind: About["kind"], of: string | null = null): About {
  const { actor: startedBy, correlationId } = askerOf(meta);
  return { kind, of, startedBy, correlationId };
}

interface Begun {
  readonly ticket: Ticket;
  readonly told: (pass: Reconciliation) => void;
}

export function recordedPasses({ reports, keys, alone, log, isStopping }: Options) {
  const onRecord = <T extends object>(
    broker: ServiceBroker,
    about: About,
    work: Work<T>,
    begun?: Begun,
  ): Promise<T> =>
    alone(broker, async (options) => {
      const pass = await reports.begin(about, begun?.ticket);
      begun?.told(pass);
      try {
        const result = await work(options);
        await reports.done(pass.id, result);
        return result;
      } catch (error) {
        await reports.failed(pass.id, isStopping() ? "interrupted" : "failed", error);
        throw error;
      }
    });

  /** Throws Refusal `reconciliation-running`. */
  const begin = <T extends object>(
    { broker, params, meta }: Asked,
    action: string,
    about: About,
    work: Work<T>,
  ): Promise<Reconciliation> =>
    keys.run({ action, params, meta }, (ticket) => {
      const { promise, resolve, reject } = Promise.withResolvers<Reconciliation>();
      onRecord(broker, about, work, { ticket, told: resolve }).catch((error: unknown) => {
        log.warn({ reason: errorText(error) }, "a pass has not begun, or has ended early");
        reject(error instanceof Busy ? new Refusal("reconciliation-running", error.message) : error);
      });
      return promise;
    });

  return { onRecord, begin };
}
