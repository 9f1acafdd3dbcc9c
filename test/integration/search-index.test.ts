/** Searches by `q` with the index of trigrams, and where a database can't have one. */
import test from "ava";
import pg from "pg";
import { type Database, database } from "../../mixins/postgres/database.ts";
import { examineDatabase } from "../../services/commands/doctor/database.ts";
import { migrate, schemaDrift } from "../../services/runtime/migrations.ts";
import { usersEntities } from "../../services/users/entities.ts";
import { listUsers } from "../../services/users/list.ts";
import { eventually } from "../support/eventually.ts";
import { testDatabase } from "../support/resources.ts";

const terms = { tombstoneDays: 30, quarantineDays: 365 } as const;

/** Users 1 to 30,000; `seldom` is one in 3,000, `often` everybody behind the first 20,000, each 2,000th is deleted. */
const fill = `
  insert into users (id, display_name, primary_smtp, secondary_smtps, search_text, version, created_at, updated_at, deleted_at)
  select id, name, address, '{}', name || E'\\n' || address, 1, now(), now(), case when n % 2000 = 0 then now() end from (
    select n, lpad(to_hex(n), 32, '0')::uuid as id, 'p' || n || '@list.example' as address,
      case when n % 3000 = 0 then 'seldom' when n > 20000 then 'often' else 'other' end || ' ' || n as name
    from generate_series(1, 30000) n) p;
  insert into address_keys (key, user_id) select primary_smtp, id from users;
  analyze users`;

type Search = (query: Partial<Parameters<typeof listUsers>[1]>) => Promise<string[]>;

const searchIn =
  (db: Database): Search =>
  async (query) => {
    const { items } = await listUsers(
      db,
      { deleted: undefined, limit: 5, ...query } as never,
      terms as never,
    );
    return items.map(({ displayName }) => displayName);
  };

const answers: readonly [query: Parameters<Search>[0], names: readonly string[]][] = [
  [{ q: "seldom" }, ["seldom 3000", "seldom 9000", "seldom 15000", "seldom 21000", "seldom 27000"]],
  [{ q: "SELDOM 2" }, ["seldom 21000", "seldom 27000"]],
  [{ q: "seldom", deleted: "only" }, [6000, 12_000, 18_000, 24_000, 30_000].map((n) => `seldom ${n}`)],
  [{ q: "seldom 9", domain: "list.example" }, ["seldom 9000"]],
  [{ q: "seldom 9", domain: "else.example" }, []],
  [{ q: "often" }, [20_001, 20_002, 20_003, 20_004, 20_005].map((n) => `often ${n}`)],
  [{ q: "m 9" }, ["seldom 9000"]],
  [{ q: "100%" }, []],
];

const indexed =
  "select idx_scan::int as n from pg_stat_user_indexes where indexrelname = 'users_search_text_trgm'";

test("a search answers the same with the index as without it, and the doctor tells which", async (t) => {
  const { url, drop } = await testDatabase();
  await migrate("users", url);
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  await admin.query(fill);
  const options = { url, entities: usersEntities, applicationName: "mailroster-test", poolMax: 2 };
  const db = database({ ...options, statementTimeoutMs: 30_000 });
  const { started, stopped } = db.mixin as { started(): Promise<void>; stopped(): Promise<void> };
  await started();
  const search = searchIn(db);
  const told = async () => {
    const findings = await examineDatabase({ name: "users", variable: "DATABASE_URL", url });
    return findings.find(({ part }) => part === "searches");
  };
  const answersAreRight = async () => {
    for (const [asked, names] of answers) t.deepEqual(await search(asked), names, JSON.stringify(asked));
  };
  t.is((await told())?.says, "by an index");
  await answersAreRight();
  await eventually(async () => {
    const { rows } = await admin.query(indexed);
    if (rows[0].n === 0) throw new Error("Cannot go on: no search has used the index");
  });
  await admin.query("drop index users_search_text_trgm");
  await answersAreRight();
  const without = await told();
  t.is(without?.status, "ok");
  t.regex(without?.says ?? "", /without an index.*search-too-slow/);
  await admin.end();
  await stopped();
  await drop();
});

test("a database whose owner may not make the extension is migrated without the index", async (t) => {
  const { url, drop } = await testDatabase();
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  const owner = `mailroster_owner_${process.pid}`;
  await admin.query(`create role ${owner} login; grant usage, create on schema public to ${owner}`);
  const own = new URL(url);
  own.username = owner;
  await migrate("users", own.href);
  const { rows } = await admin.query("select to_regclass('users_search_text_trgm') as index");
  t.is(rows[0].index, null);
  t.is((await schemaDrift("users", own.href)).trim(), "");
  await admin.query(`drop owned by ${owner} cascade; drop role ${owner}`);
  await admin.end();
  await drop();
});
