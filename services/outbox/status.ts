/** What an operator is told of the outbox: how much waits and for how long, and what was lately published. Reads only. */
import type { Database } from "../../mixins/postgres/database.ts";
import type { OutboxStatus } from "../contracts/operations.ts";
import * as sql from "./sql.ts";

type Published = OutboxStatus["published"][number];
type PublishedRow = Omit<Published, "publishedAt"> & { readonly publishedAt: Date | string };

/** Rejects as the database does. `fault`: why the bus takes nothing now. */
export async function statusOf(
  db: Database,
  limit: number,
  fault: string | undefined,
): Promise<OutboxStatus> {
  const [backlog] = await db.read((em) =>
    em.execute<Pick<OutboxStatus, "pending" | "oldestAgeS">[]>(sql.backlog),
  );
  const waiting = await db.read((em) => em.execute<OutboxStatus["waiting"]>(sql.oldestWaiting, [limit]));
  const published = await db.read((em) => em.execute<PublishedRow[]>(sql.newestPublished, [limit]));
  return {
    ...(backlog ?? { pending: 0, oldestAgeS: 0 }),
    waiting: waiting.map((row) => ({ ...row, refusal: fault ?? row.refusal })),
    published: published.map((row) => ({ ...row, publishedAt: new Date(row.publishedAt).toISOString() })),
  };
}
