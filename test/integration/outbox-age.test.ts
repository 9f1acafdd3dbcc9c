/** How long an event has waited is measured by one clock, the database's. */
import test from "ava";
import pg from "pg";
import { OutboxMessage } from "../../mixins/bus/outbox.ts";
import { migrate } from "../../services/runtime/migrations.ts";
import { appendToOutbox } from "../support/append.ts";
import { userEvent } from "../support/events.ts";
import { testDatabase } from "../support/resources.ts";
import { openDatabase } from "../support/users-rig.ts";

test("an event's age in the outbox does not depend on the clock of the process that wrote it", async (t) => {
  const own = await testDatabase();
  await migrate("users", own.url);
  const db = await openDatabase(own.url, [OutboxMessage]);
  const client = new pg.Client({ connectionString: own.url });
  await client.connect();
  try {
    for (const time of ["2020-01-01T00:00:00.000Z", "2090-01-01T00:00:00.000Z"])
      await db.transaction(async (em) => appendToOutbox(em, { ...userEvent(), time }));
    const { rows } = await client.query<{ age: number }>(
      "select extract(epoch from now() - created_at)::float8 as age from outbox",
    );
    t.is(rows.length, 2);
    t.true(rows.every(({ age }) => age >= 0 && age < 60));
  } finally {
    await client.end();
    await db.close();
    await own.drop();
  }
});
