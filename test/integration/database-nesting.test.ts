import test from "ava";
import { testDatabase } from "../support/resources.ts";
import { openDatabase } from "../support/users-rig.ts";

test("work on one database inside a transaction on another runs on its own database, in its own transaction", async (t) => {
  const [outer, inner] = [await testDatabase(), await testDatabase()];
  const outerDb = await openDatabase(outer.url, []);
  const innerDb = await openDatabase(inner.url, []);
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

test("two services on one database have their own transactions though one runs inside the other's", async (t) => {
  const database = await testDatabase();
  const relay = await openDatabase(database.url, []);
  const consumer = await openDatabase(database.url, []);
  await relay.read((em) => em.execute("create table effects (id int)"));
  await t.throwsAsync(
    relay.transaction(async () => {
      await consumer.transaction((em) => em.execute("insert into effects values (1)"));
      throw new Error("rolled back");
    }),
    { message: "rolled back" },
  );
  const effects = await relay.read((em) => em.execute("select id from effects"));
  t.deepEqual(effects, [{ id: 1 }]);
  await relay.close();
  await consumer.close();
  await database.drop();
});
