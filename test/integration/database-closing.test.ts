/** Work that meets a database which its service has closed is finished or refused; it is no defect. */
import test from "ava";
import { OutboxMessage } from "../../mixins/bus/outbox-row.ts";
import { Unavailable } from "../../services/contracts/errors.ts";
import { openDatabase } from "../support/own-database.ts";
import { testDatabase } from "../support/resources.ts";

test("work of several statements that is under way when its database closes is finished", async (t) => {
  const own = await testDatabase();
  const db = await openDatabase(own.url, [OutboxMessage]);
  let goOn: () => void = () => {};
  const until = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const work = db.read(async (em) => {
    await em.execute("select 1");
    await until;
    return em.execute("select 2 as done");
  });
  const closing = db.close();
  await t.throwsAsync(db.check(), { instanceOf: Unavailable });
  goOn();
  t.deepEqual(await work, [{ done: 2 }]);
  await closing;
  // Dropping fails when a connection was left open.
  await own.drop();
});

test("work that comes after the database was closed is Unavailable", async (t) => {
  const own = await testDatabase();
  const db = await openDatabase(own.url, [OutboxMessage]);
  await db.close();
  for (const work of [() => db.check(), () => db.transaction((em) => em.execute("select 1"))])
    await t.throwsAsync(work, { instanceOf: Unavailable });
  await own.drop();
});
