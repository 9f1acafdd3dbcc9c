import test from "ava";
import { OutboxMessage } from "../../mixins/bus/outbox-row.ts";
import { openDatabase } from "../support/own-database.ts";
import { testDatabase } from "../support/resources.ts";

test("work on one database inside a transaction on another runs on its own database, in its own transaction", async (t) => {
  const [outer, inner] = [await testDatabase(), await testDatabase()];
  const outerDb = await openDatabase(outer.url, [OutboxMessage]);
  const innerDb = await openDatabase(inner.url, [OutboxMessage]);
  const where = "select current_database() as name, pg_backend_pid() as pid";
  const seen = await outerDb.transaction(async (em) => {
    const [mine] = await em.execute(where);
    const [nested] = await innerDb.transaction((other) => other.execute(where));
    const [read] = await innerDb.read((other) => other.execute(where));
    return { mine, nested, read };
  });
  t.is(`/${seen.mine?.name}`, new URL(outer.url).pathname);
  t.is(`/${seen.nested?.name}`, new URL(inner.url).pathname);
  t.is(`/${seen.read?.name}`, new URL(inner.url).pathname);
  await outerDb.close();
  await innerDb.close();
  await outer.drop();
  await inner.drop();
});
