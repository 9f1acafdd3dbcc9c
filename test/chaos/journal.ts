/**
 * What the clients asked for and what they were told: the one record that the end of a run is judged by.
 *
 * An operation is `acknowledged` (2xx), `refused` (any other answer that says that nothing was done and that asking
 * again is of no use) or `open` (no such answer came before the run gave up). It is `ambiguous` when at least one of
 * its attempts ended without an answer, or with a 503, so that a refusal after it may be the answer to a repeat of
 * something that was done, or is still to be done, by an earlier attempt.
 */

export const operationKinds = ["create", "rename", "move", "trim", "remove", "restore"] as const;
export type OperationKind = (typeof operationKinds)[number];

export interface UserAnswer {
  readonly id: string;
  readonly displayName: string;
  readonly primarySmtp: string;
  readonly secondarySmtps: readonly string[];
  readonly version: number;
  readonly requestedSmtp?: string;
}

export interface Operation {
  /** Also its Idempotency-Key and its correlation id, so that it is found again in the audit log. */
  readonly id: string;
  readonly client: number;
  readonly kind: OperationKind;
  /** undefined for a create. */
  readonly userId: string | undefined;
  /** Nobody else changes this user, and what the client knows of it is certain. */
  readonly certain: boolean;
  readonly request: unknown;
  /** Milliseconds since the run began. */
  readonly startedMs: number;
  endedMs?: number;
  attempts: number;
  ambiguous: boolean;
  outcome: "open" | "acknowledged" | "refused";
  status?: number;
  /** The slug of the problem, when it was refused. */
  problem?: string;
  answer?: UserAnswer;
}

/** One attempt's end, for the timeline and for what no attempt may end with. */
export interface AttemptEnd {
  readonly operation: string;
  readonly atMs: number;
  readonly tookMs: number;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly text: string;
}

export class Journal {
  readonly operations: Operation[] = [];
  /** Correlation ids of what an operator did: those of a repair tell again what is there, and ask for nothing new. */
  readonly repairs = new Set<string>();
  /** Answers that the contract does not allow whatever happens. */
  readonly defects: AttemptEnd[] = [];
  /** By second of the run: how many attempts ended with which status. */
  readonly statuses = new Map<number, Map<number, number>>();
  readonly acknowledgedBySecond = new Map<number, number>();
  acknowledged = 0;
  refused = 0;
  attempts = 0;
  slowestMs = 0;
  /** Answers, not silences, that took longer than a refusal may take. */
  lateAnswers = 0;

  begin(operation: Operation): void {
    this.operations.push(operation);
  }

  attempted(end: AttemptEnd): void {
    this.attempts += 1;
    const second = Math.floor(end.atMs / 1_000);
    const statuses = this.statuses.get(second) ?? new Map<number, number>();
    statuses.set(end.status, (statuses.get(end.status) ?? 0) + 1);
    this.statuses.set(second, statuses);
    if (end.status === 500 || (end.status >= 400 && end.status < 500 && !allowed.has(end.status)))
      this.defects.push(end);
    if (end.status > 0) this.slowestMs = Math.max(this.slowestMs, end.tookMs);
    if (end.status > 0 && end.tookMs > lateAfterMs) this.lateAnswers += 1;
  }

  ended(operation: Operation, atMs: number): void {
    operation.endedMs = atMs;
    if (operation.outcome === "refused") this.refused += 1;
    if (operation.outcome !== "acknowledged") return;
    this.acknowledged += 1;
    const second = Math.floor(atMs / 1_000);
    this.acknowledgedBySecond.set(second, (this.acknowledgedBySecond.get(second) ?? 0) + 1);
  }

  byId(): ReadonlyMap<string, Operation> {
    return new Map(this.operations.map((operation) => [operation.id, operation]));
  }
}

/** The contract's 2 s, and what a machine with two busy processors may add. */
const lateAfterMs = 2_500;
const allowed = new Set([404, 408, 409]);
