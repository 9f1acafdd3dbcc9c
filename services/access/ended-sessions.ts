/**
 * Sessions of the console that are good no more. A gateway keeps them in its copy of the keys; they are told for as long as
 * such a session can live, and are thrown away by the next one that is ended.
 */
import type { Database, EntityManager } from "../../mixins/postgres/database.ts";
import type { ActionParams } from "../contracts/actions.ts";
import type { EndedSession } from "../contracts/keys.ts";
import { sessionTerms } from "../contracts/session.ts";
import { type Doer, recordActivity } from "./activity.ts";
import { EndedSessionRow } from "./entities.ts";

/** With an hour for clocks that differ. */
const keptMs = (sessionTerms.hours + 1) * 3_600_000;
const oldestOf = (now: Date): Date => new Date(now.getTime() - keptMs);

export const endSessions = (
  db: Database,
  { kind, id, reason }: ActionParams<"access.end-sessions">,
  { doer, at, isOwn }: { readonly doer: Doer; readonly at: Date; readonly isOwn: boolean },
): Promise<void> =>
  db.transaction(async (em) => {
    await em.nativeDelete(EndedSessionRow, { at: { $lt: oldestOf(at) } });
    await em.upsert(EndedSessionRow, { kind, id, at });
    // Who signs out is on record by the gateway.
    if (isOwn) return;
    const target = { kind, id };
    await recordActivity(em, doer, {
      at,
      action: "access.end-sessions",
      scope: "keys:manage",
      target,
      allowed: true,
      reason,
    });
  });

export async function endedSessions(em: EntityManager, now: Date): Promise<EndedSession[]> {
  const rows = await em.find(
    EndedSessionRow,
    { at: { $gte: oldestOf(now) } },
    { orderBy: { kind: "asc", id: "asc" } },
  );
  return rows.map(({ kind, id, at }) => ({ kind: kind as EndedSession["kind"], id, at: at.toISOString() }));
}
