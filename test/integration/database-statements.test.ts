/** Statements that are run all the time: prepared once a connection, in the unit of work they are given. */
import test from "ava";
import { OutboxMessage } from "../../mixins/bus/outbox.ts";
import { isUniqueViolation } from "../../mixins/postgres/database.ts";
import { run, runInTurn } from "../../mixins/postgres/statement.ts";
import { testDatabase } from "../support/resources.ts";
import { openDatabase } from "../support/users-rig.ts";

const own = await testDatabase();
const db = await openDatabase(own.url, [OutboxMessage]);
test.after.always(async () => {
  await db.close();
  await own.drop();
});
test("a statement is prepared once on a connection, and its values are not in its text", async (t) => {
  const seen = await db.transaction(async (em) => {
    for (const value of ["a", "b", "c"]) await run(em, "select :value::text as told", { value });
    return run<{ statement: string }>(
      em,
      "select statement from pg_prepared_statements where statement like ?",
      ["select $1::text as told%"],
    );
  });
  t.deepEqual(seen, [{ statement: "select $1::text as told" }]);
});

test("a named parameter is sent once however often it stands in the text, lists as one JSON document", async (t) => {
  const [row] = await db.read((em) =>
    run<{ twice: string; length: number }>(
      em,
      "select :word::text || :word as twice, jsonb_array_length(:list::jsonb) as length",
      { word: "ab", list: [1, { two: 2 }] },
    ),
  );
  t.deepEqual(row, { twice: "abab", length: 2 });
});

test("a named parameter that is not given is a defect of the caller", async (t) => {
  await t.throwsAsync(
    db.read((em) => run(em, "select :value::text", {})),
    { instanceOf: TypeError, message: /parameter value is not given/ },
  );
});

test("what is refused in a transaction undoes all of it, though its begin was not waited for", async (t) => {
  await db.read((em) => em.execute("create table kept (id int primary key, text text)"));
  const work = db.transaction(async (em) => {
    await run(em, "insert into kept (id, text) values (?, ?)", [1, "one"]);
    await run(em, "insert into kept (id, text) values (?, ?)", [1, "again"]);
  });
  t.true(isUniqueViolation(await t.throwsAsync(work)));
  t.deepEqual(await db.read((em) => run(em, "select id from kept where id = ?", [1])), []);
  await db.transaction((em) => run(em, "insert into kept (id, text) values (?, ?)", [2, "two"]));
  t.deepEqual(await db.read((em) => run(em, "select text from kept where id = ?", [2])), [{ text: "two" }]);
});

test("a transaction without a statement is begun and committed, and its connection goes back", async (t) => {
  for (let round = 0; round < 30; round += 1) await db.transaction(async () => {});
  const [row] = await db.read((em) =>
    run<{ open: number }>(
      em,
      "select count(*)::int as open from pg_stat_activity where datname = current_database() and state like ?",
      ["idle in transaction%"],
    ),
  );
  t.is(row?.open, 0);
});

test("statements that are sent in turn each see what the ones before them did, and hand it on in a setting", async (t) => {
  const results = await db.transaction(async (em) => {
    await run(em, "create temporary table said (word text) on commit drop", []);
    return runInTurn(em, [
      { text: "insert into said (word) values (?)", parameters: ["one"] },
      { text: "select set_config('test.word', word || ?, true) from said", parameters: ["!"] },
      {
        text: "select word, current_setting('test.word') as noted from said where word <> ?",
        parameters: [""],
      },
    ]);
  });
  t.deepEqual(results.at(-1), [{ word: "one", noted: "one!" }]);
  const [left] = await db.read((em) =>
    run<{ noted: string }>(em, "select coalesce(current_setting('test.word', true), '') || ? as noted", [""]),
  );
  t.deepEqual(left, { noted: "" });
});

test("of statements that are sent in turn the first that fails is told, and the transaction is undone", async (t) => {
  await db.read((em) => em.execute("create table told (id int primary key)"));
  const insert = (id: number) => ({ text: "insert into told (id) values (?)", parameters: [id] });
  const work = db.transaction((em) => runInTurn(em, [insert(1), insert(1), insert(2)]));
  t.true(isUniqueViolation(await t.throwsAsync(work)));
  t.deepEqual(await db.read((em) => run(em, "select id from told where id > ?", [0])), []);
});
