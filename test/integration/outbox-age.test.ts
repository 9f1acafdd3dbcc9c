/** How long an event has waited is measured by one clock, the database's. */
import test from "ava";
import { OutboxMessage } from "../../mixins/bus/outbox-row.ts";
import { appendToOutbox } from "../support/append.ts";
import { userEvent } from "../support/events.ts";
import { ownDatabase } from "../support/own-database.ts";

test("an event's age in the outbox does not depend on the clock of the process that wrote it", async (t) => {
  const own = await ownDatabase("users");
  t.teardown(own.close);
  const db = await own.open([OutboxMessage]);
  for (const time of ["2020-01-01T00:00:00.000Z", "2090-01-01T00:00:00.000Z"])
    await db.transaction(async (em) => appendToOutbox(em, { ...userEvent(), time }));
  const { rows } = await own.pool.query<{ age: number }>(
    "select extract(epoch from now() - created_at)::float8 as age from outbox",
  );
  t.is(rows.length, 2);
  t.true(rows.every(({ age }) => age >= 0 && age < 60));
});
