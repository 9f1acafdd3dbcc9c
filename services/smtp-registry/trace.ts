/** What the registry tells of a request: which versions it has had of some users, what was unusual, what they hold. */
import type { Outcomes } from "../../mixins/bus/consumer-outcomes.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/text-statement.ts";
import type { ActionParams } from "../contracts/actions.ts";
import { freedBefore } from "../contracts/terms.ts";
import type { HeldAddress, RegistryTrace } from "../contracts/trace.ts";
import type { ProjectionRules } from "./projection.ts";
import * as sql from "./users-sql.ts";

interface MarkRow {
  readonly user_id: string;
  readonly version: number;
  readonly event_id: string | null;
  readonly applied_at: Date | string | null;
  readonly history: number[];
}

interface HeldRow {
  readonly user_id: string;
  readonly version: number;
  readonly key: string | null;
  readonly address: string;
  readonly kind: HeldAddress["kind"];
  readonly status: HeldAddress["state"];
}

const addressesOf = (rows: readonly HeldRow[]): HeldAddress[] =>
  rows.flatMap(({ key, address, kind, status }) =>
    key === null ? [] : [{ key, address, kind, state: status }],
  );

/** Holds are no facts and not told. */
export async function traceRegistry(
  db: Database,
  rules: ProjectionRules,
  outcomes: Outcomes,
  { userIds, eventIds }: ActionParams<"smtp-registry.trace">,
): Promise<RegistryTrace> {
  const [marks, held] = await db.read(async (em) => [
    await run<MarkRow>(em, sql.marksOfUsers, { userIds }),
    await run<HeldRow>(em, sql.heldByUsers, { userIds }),
  ]);
  const markOf = new Map(marks.map((mark) => [mark.user_id, mark]));
  const users = [...Map.groupBy(held, ({ user_id }) => user_id)].map(([userId, rows]) => {
    const mark = markOf.get(userId);
    const at = mark?.applied_at ?? null;
    return {
      userId,
      version: rows[0]?.version ?? 0,
      eventId: mark?.event_id ?? null,
      at: at === null ? null : new Date(at).toISOString(),
      history: mark?.history ?? [],
      addresses: addressesOf(rows),
    };
  });
  const freed = freedBefore(rules.now(), rules.terms).toISOString();
  return { users, outcomes: await outcomes.of(eventIds), freedBefore: freed };
}
