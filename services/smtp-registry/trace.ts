/** What the registry tells of a request: which versions it has had of some users, what was unusual, what they hold. */
import type { Outcomes } from "../../mixins/bus/consumer-outcomes.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";
import type { ActionParams } from "../contracts/actions.ts";
import { freedBefore } from "../contracts/terms.ts";
import type { RegistryTrace } from "../contracts/trace.ts";
import { AddressHistory, Watermark } from "./entities.ts";
import type { ProjectionRules } from "./projection.ts";
import * as sql from "./users-sql.ts";

/** Holds are no facts and not told. */
export async function traceRegistry(
  db: Database,
  rules: ProjectionRules,
  outcomes: Outcomes,
  { userIds, eventIds }: ActionParams<"smtp-registry.trace">,
): Promise<RegistryTrace> {
  const ofUsers = { userId: { $in: [...userIds] } };
  const [marks, history, held] = await db.read(async (em) => [
    await em.find(Watermark, ofUsers),
    await em.find(AddressHistory, ofUsers, { fields: ["userId", "version"], orderBy: { version: "asc" } }),
    await run(em, sql.heldByUsers(userIds)),
  ]);
  const users = [...Map.groupBy(held, ({ userId }) => userId)].map(([userId, rows]) => {
    const mark = marks.find((each) => each.userId === userId);
    const versions = history.filter((entry) => entry.userId === userId).map(({ version }) => version);
    return {
      userId,
      version: rows[0]?.version ?? 0,
      eventId: mark?.eventId ?? null,
      at: mark?.appliedAt?.toISOString() ?? null,
      history: [...new Set(versions)],
      addresses: sql.addressesIn(rows),
    };
  });
  const freed = freedBefore(rules.now(), rules.terms).toISOString();
  return { users, outcomes: await outcomes.of(eventIds), freedBefore: freed };
}
