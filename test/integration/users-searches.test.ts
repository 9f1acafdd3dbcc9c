/** F8: searches that take long, beside reads by id. */
import test from "ava";
import { eventually } from "../support/eventually.ts";
import { rigOf } from "../support/rig.ts";

/** From here on every row that a search looks at takes two seconds; a read by id does not look at the text. */
const slowSearches = `
  create function slow(text) returns text language plpgsql stable as $$ begin perform pg_sleep(2); return $1; end $$;
  alter table users rename to users_rows;
  do $$ declare columns text; begin
    select string_agg(case column_name when 'search_text' then 'slow(search_text) as search_text' else column_name end, ', '
      order by ordinal_position) into columns from information_schema.columns
      where table_schema = current_schema() and table_name = 'users_rows';
    execute 'create view users as select ' || columns || ' from users_rows';
  end $$`;

test("F8: forty searches that find nothing in time take no read by id its connection, and say what to do", async (t) => {
  const rig = await rigOf(t, { services: ["gateway", "users", "smtp-registry"] });
  const { body: user } = await rig.http("POST", "/users", {
    displayName: "Ann Example",
    primarySmtp: "ann@example.com",
  });
  t.is((await rig.http("GET", "/users?q=ann")).body.items.length, 1);
  await rig.usersDb.query(slowSearches);
  const searched = Array.from({ length: 40 }, () => rig.httpOnce("GET", "/users?q=zzzzqqq"));
  await eventually(async () => {
    const { rows } = await rig.usersDb.query(
      "select 1 from pg_stat_activity where datname = current_database() and state = 'active' and query like '%search_text like%' and pid <> pg_backend_pid()",
    );
    if (rows.length === 0) throw new Error("Cannot go on: no search runs yet");
  });
  for (let n = 0; n < 20; n += 1) t.is((await rig.http("GET", `/users/${user.id}`)).status, 200);
  for (const { status, headers, body } of await Promise.all(searched)) {
    t.is(status, 503);
    t.is(headers.get("retry-after"), "1");
    t.is(body.type, "/problems/search-too-slow");
    t.regex(body.detail, /^Cannot search: (among so many users|others take)/);
  }
});
