/** Until when a session is good, by the clock alone. */
import type { SealedSession } from "../../contracts/session.ts";
import { sessionTerms } from "../../contracts/session.ts";

const minuteMs = 60_000;
const idleMs = sessionTerms.idleMinutes * minuteMs;
const lifeMs = sessionTerms.hours * 60 * minuteMs;
/** A cookie is not made anew for every click. */
const renewedAfterMs = minuteMs;

export const endsAtMs = ({ beganAt }: Pick<SealedSession, "beganAt">): number => beganAt + lifeMs;

/** For the cookie: browsers forget it when it can't be good any more. */
export const secondsLeft = (session: SealedSession, nowMs: number): number =>
  Math.max(0, Math.ceil((Math.min(endsAtMs(session), session.activeAt + idleMs) - nowMs) / 1_000));

/** Why it is over; completes "The session …". undefined: it is not. */
export function overBecause(session: SealedSession, nowMs: number): string | undefined {
  if (nowMs >= endsAtMs(session)) return `has lasted for ${sessionTerms.hours} hours`;
  return nowMs >= session.activeAt + idleMs
    ? `was not used for ${sessionTerms.idleMinutes} minutes`
    : undefined;
}

export const isToRenew = ({ activeAt }: SealedSession, nowMs: number): boolean =>
  nowMs - activeAt >= renewedAfterMs;
