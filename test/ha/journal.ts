/** The journal of a chaos run with the time of each attempt, since here it is times that are judged. */
import { type AttemptEnd, Journal, type Operation } from "../chaos/journal.ts";

export interface Attempt {
  readonly atMs: number;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
}

export const isDone = ({ status }: Attempt): boolean => status >= 200 && status < 300;

export class TimedJournal extends Journal {
  readonly writes: Attempt[] = [];
  readonly reads: Attempt[] = [];

  override attempted(end: AttemptEnd): void {
    super.attempted(end);
    this.writes.push({ atMs: end.atMs, status: end.status });
  }

  read(attempt: Attempt): void {
    this.reads.push(attempt);
  }
}

/** Addresses of the load are asked for once each, so a suffix says that the address was taken by its own forerunner. */
export function suffixedCreates(operations: readonly Operation[]): Operation[] {
  return operations.filter(({ kind, answer, request }) => {
    const { primarySmtp } = (request ?? {}) as { primarySmtp?: string };
    return kind === "create" && answer !== undefined && answer.primarySmtp !== primarySmtp;
  });
}
