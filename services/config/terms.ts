/** For how long what is kept, in days or hours. Throws ConfigError. */
import { integer } from "./readers.ts";
import type { Variables } from "./variables.ts";

export const termsOf = (env: Variables) => ({
  tombstoneDays: integer(env, "TOMBSTONE_DAYS", { fallback: 30, min: 0, max: 36_500 }),
  quarantineDays: integer(env, "QUARANTINE_DAYS", { fallback: 365, min: 0, max: 36_500 }),
  idempotencyHours: integer(env, "IDEMPOTENCY_HOURS", { fallback: 24, min: 1, max: 24 * 365 }),
  deadLetterDays: integer(env, "DEAD_LETTER_DAYS", { fallback: 30, min: 1, max: 36_500 }),
  activityDays: integer(env, "ACTIVITY_DAYS", { fallback: 180, min: 1, max: 36_500 }),
  traceDays: integer(env, "TRACE_DAYS", { fallback: 7, min: 1, max: 36_500 }),
});
