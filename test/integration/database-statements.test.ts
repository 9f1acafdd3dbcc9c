/** Statements that are run all the time: prepared once a connection, in the unit of work they are given. */
import { randomUUID } from "node:crypto";
import test from "ava";
import { sql } from "kysely";
import { OutboxMessage } from "../../mixins/bus/outbox-row.ts";
import { isUniqueViolation } from "../../mixins/postgres/database.ts";
import { json, run, runInTurn } from "../../mixins/postgres/statement.ts";
import { migrate } from "../../services/runtime/migrations.ts";
import { openDatabase } from "../support/own-database.ts";
import { testDatabase } from "../support/resources.ts";

const own = await testDatabase();
await migrate("users", own.url);
const db = await openDatabase(own.url, [OutboxMessage]);
test.after.always(async () => {
  await db.close();
  await own.drop();
});

test("a statement is prepared once on a connection, and its values are not in its text", async (t) => {
  const seen = await db.transaction(async (em) => {
    for (const value of ["a", "b", "c"]) await run(em, sql`select ${value}::text as told`);
    return run(
      em,
      sql<{ statement: string }>`select statement from pg_prepared_statements
        where statement like ${"select $1::text as told%"}`,
    );
  });
  t.deepEqual(seen, [{ statement: "select $1::text as told" }]);
});

test("a value is a parameter wherever it stands, in a piece of another statement too", async (t) => {
  const isLonger = (word: string) => sql`length(${word}::text) > ${1}::int`;
  const list = [1, { two_too: 2 }];
  const [row] = await db.read((em) =>
    run(
      em,
      sql<{ twice: string; length: number; isLonger: boolean; third: string; given: unknown }>`
        select ${"a'b"}::text || ${"ab"} as twice, jsonb_array_length(${json(list)}) as length,
          ${isLonger("ab")} as is_longer, (${["x", 'y"', "z,"]}::text[])[3] as third, ${json(list)} as given`,
    ),
  );
  t.deepEqual(row, { twice: "a'bab", length: 2, isLonger: true, third: "z,", given: list });
});

test("a parameter that is undefined is a defect of the caller", async (t) => {
  await t.throwsAsync(
    db.read((em) => run(em, sql`select ${undefined}::text`)),
    { instanceOf: TypeError, message: /a parameter is not given/ },
  );
});

test("a row's names are in camelCase and its times are Dates, of entities too", async (t) => {
  const at = new Date("2026-03-29T01:30:00.123Z");
  const [row] = await db.read((em) =>
    run(
      em,
      sql<object>`select ${at}::timestamptz as written_at, 1 as "ageS", null::timestamptz as deleted_at,
        ${at}::timestamptz at time zone 'Asia/Kathmandu' = '2026-03-29 07:15:00.123' as is_same`,
    ),
  );
  t.deepEqual(row, { writtenAt: at, ageS: 1, deletedAt: null, isSame: true });
  const found = await db.transaction(async (em) => {
    await run(em, sql`set local timezone to 'Europe/Berlin'`);
    await run(
      em,
      sql`insert into outbox (partition, aggregate_id, event_id, type, correlation_id, body, created_at)
        values (0, ${randomUUID()}, ${randomUUID()}, '', '', '', ${at})`,
    );
    return em.findOneOrFail(OutboxMessage, { createdAt: at });
  });
  t.deepEqual(found.createdAt, at);
});

test("what is refused in a transaction undoes all of it, though its begin was not waited for", async (t) => {
  await db.read((em) => run(em, sql`create table kept (id int primary key, text text)`));
  const insert = (id: number, text: string) => sql`insert into kept (id, text) values (${id}, ${text})`;
  const textOf = (id: number) => sql`select text from kept where id = ${id}`;
  const work = db.transaction(async (em) => {
    await run(em, insert(1, "one"));
    await run(em, insert(1, "again"));
  });
  t.true(isUniqueViolation(await t.throwsAsync(work)));
  t.deepEqual(await db.read((em) => run(em, textOf(1))), []);
  await db.transaction((em) => run(em, insert(2, "two")));
  t.deepEqual(await db.read((em) => run(em, textOf(2))), [{ text: "two" }]);
});

test("a transaction without a statement is begun and committed, and its connection goes back", async (t) => {
  for (let round = 0; round < 30; round += 1) await db.transaction(async () => {});
  const [row] = await db.read((em) =>
    run(
      em,
      sql<{ open: number }>`select count(*)::int as open from pg_stat_activity
        where datname = current_database() and state like ${"idle in transaction%"}`,
    ),
  );
  t.is(row?.open, 0);
});

test("statements that are sent in turn each see what the ones before them did, and hand it on in a setting", async (t) => {
  const results = await db.transaction(async (em) => {
    await run(em, sql`create temporary table said (word text) on commit drop`);
    return runInTurn(em, [
      sql`insert into said (word) values (${"one"})`,
      sql`select set_config('test.word', word || ${"!"}, true) from said`,
      sql<{
        word: string;
        noted: string;
      }>`select word, current_setting('test.word') as noted from said where word <> ${""}`,
    ]);
  });
  t.deepEqual(results[2], [{ word: "one", noted: "one!" }]);
  const [left] = await db.read((em) =>
    run(em, sql`select coalesce(current_setting('test.word', true), '') || ${""} as noted`),
  );
  t.deepEqual(left, { noted: "" });
});

test("of statements that are sent in turn the first that fails is told, and the transaction is undone", async (t) => {
  await db.read((em) => run(em, sql`create table told (id int primary key)`));
  const insert = (id: number) => sql`insert into told (id) values (${id})`;
  const work = db.transaction((em) => runInTurn(em, [insert(1), insert(1), insert(2)]));
  t.true(isUniqueViolation(await t.throwsAsync(work)));
  t.deepEqual(await db.read((em) => run(em, sql`select id from told where id > ${0}`)), []);
});
