/**
 * Errors split by what the caller must do. A Refusal: change the request. An Unavailable: repeat it later.
 * Anything else is a defect. Both keep their class over the wire through `restoreError`.
 */
import { Errors } from "moleculer";
import type { FieldConflict } from "./user.ts";

export const refusalTypes = [
  "not-found",
  "forbidden",
  "address-taken",
  "external-id-taken",
  "user-name-taken",
  "address-held",
  "version-mismatch",
  "domain-in-use",
  "domain-not-accepted",
  "not-deleted",
  "dead-letter-settled",
  "key-ended",
  "reconciliation-running",
  "replay-running",
  "invalid-fields",
  "idempotency-key-invalid",
  "idempotency-key-reused",
  "idempotency-key-in-use",
  "idempotency-keys-used-up",
  "search-too-slow",
] as const;
export type RefusalType = (typeof refusalTypes)[number];

/** One fault of one field; `pointer` is a JSON pointer in URI fragment form (RFC 6901 §6). */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
  /** Of an `address-taken`, `external-id-taken` or `user-name-taken`. */
  readonly conflict?: FieldConflict;
}

export interface RefusalData {
  /** It is there, and lies outside of the caller's domains: for the record, and told nobody. */
  readonly isOutside?: boolean;
  readonly errors?: readonly FieldError[];
  readonly [key: string]: unknown;
}

/** The request can't be granted as it is; repeating it unchanged gives the same answer until the state changes. */
export class Refusal extends Errors.MoleculerError {
  declare data: RefusalData;
  constructor(type: RefusalType, message: string, data: RefusalData = {}) {
    super(message, 400, type, data);
    this.name = "Refusal";
  }
}

export interface UnavailableData {
  readonly dependency: string;
  readonly retryAfterMs: number;
  /** It is there, and more is asked of it than it can do in time. */
  readonly isOverload?: true;
}

interface UnavailableOptions extends Partial<Omit<UnavailableData, "dependency">> {
  readonly cause?: unknown;
}

/** Something needed is not reachable; nothing was done, the same request may succeed after `retryAfterMs`. */
export class Unavailable extends Errors.MoleculerError {
  declare data: UnavailableData;
  constructor(dependency: string, message: string, options: UnavailableOptions = {}) {
    const { retryAfterMs = 1_000, isOverload } = options;
    super(message, 503, "unavailable", {
      dependency,
      retryAfterMs,
      ...(isOverload === true ? { isOverload } : {}),
    });
    this.name = "Unavailable";
    if (options.cause !== undefined) this.cause = options.cause;
  }
}

export const isOverload = (error: unknown): boolean =>
  error instanceof Unavailable && error.data.isOverload === true;

/** Rebuilds our classes from what Moleculer's wire format keeps; undefined for a foreign error. */
export function restoreError(plain: {
  name?: string;
  message?: string;
  type?: string;
  data?: unknown;
}): Error | undefined {
  if (plain.name === "Refusal")
    return new Refusal(plain.type as RefusalType, plain.message ?? "", plain.data as RefusalData);
  if (plain.name === "Unavailable") {
    const { dependency, ...data } = plain.data as UnavailableData;
    return new Unavailable(dependency, plain.message ?? "", data);
  }
  return undefined;
}
