/** Who had an address, from when to when: the list, and the bounds of a look-up. */
import assert from "node:assert/strict";
import test from "ava";
import { compile } from "../../mixins/postgres/statement.ts";
import type { Refusal } from "../../services/contracts/errors.ts";
import { listPast } from "../../services/smtp-registry/past.ts";
import { historyOfKey, nobody, pastOfKey } from "../../services/smtp-registry/past-sql.ts";
import { rowOfKey } from "../../services/smtp-registry/sql.ts";
import { eventually } from "../support/eventually.ts";
import { Life } from "../support/life.ts";
import { type RegistryParts, registryParts } from "../support/registry-parts.ts";
import { rigOf } from "../support/rig.ts";

const past = ({ db, rules }: RegistryParts, address: string, limit = 50, cursor?: string) =>
  listPast(db, rules, { address, limit, ...(cursor === undefined ? {} : { cursor }) });

const seconds = (start: Date, count: number): string =>
  new Date(start.getTime() + count * 1_000).toISOString();

const parts = async (t: { teardown(end: () => Promise<void>): void }) => {
  const rig = await registryParts();
  t.teardown(rig.close);
  return rig;
};

test("each time that somebody got, changed, lost or was deleted with an address is one entry, newest first", async (t) => {
  const rig = await parts(t);
  const start = rig.now();
  const ann = new Life(start);
  await rig.apply(ann.create("Ann@example.com", "a@example.com")); // 1 s
  await rig.apply(ann.update("a@example.com", "ann@example.com")); // 2 s
  await rig.apply(ann.update("a@example.com")); // 3 s
  rig.advance(10_000);
  const ben = new Life(rig.now());
  await rig.apply(ben.create("ann@example.com")); // 11 s
  await rig.apply(ben.remove(), ben.restore(), ben.remove()); // 12, 13 and 14 s
  rig.advance(10_000);
  const { items } = await past(rig, "ANN@example.com");
  const of = (userId: string, version: number, address: string, kind: "primary" | "secondary") =>
    ({ userId, version, address, kind, status: "active" }) as const;
  const freed = new Date(Date.parse(seconds(start, 14)) + 395 * 86_400_000).toISOString();
  const bens = of(ben.id, 1, "ann@example.com", "primary");
  t.deepEqual(items, [
    { ...bens, version: 4, status: "deleted", from: seconds(start, 14), until: freed },
    { ...bens, version: 3, from: seconds(start, 13), until: seconds(start, 14) },
    { ...bens, version: 2, status: "deleted", from: seconds(start, 12), until: seconds(start, 13) },
    { ...bens, from: seconds(start, 11), until: seconds(start, 12) },
    {
      ...of(ann.id, 2, "ann@example.com", "secondary"),
      from: seconds(start, 2),
      until: seconds(start, 3),
    },
    { ...of(ann.id, 1, "Ann@example.com", "primary"), from: seconds(start, 1), until: seconds(start, 2) },
  ]);
  t.deepEqual((await past(rig, "nobody@example.com")).items, []);
});

test("a look-up says since when it is so, and until when it was or will be", async (t) => {
  const rig = await parts(t);
  const start = rig.now();
  const ann = new Life(start);
  await rig.apply(ann.create("ann@example.com")); // 1 s
  await rig.apply(ann.tellAgain()); // 2 s
  await rig.apply(ann.update("a@example.com", "ann@example.com")); // 3 s
  rig.advance(10_000);
  const bounds = async (address: string, at?: string) => {
    const { status, since, until } = await rig.lookUp(address, at);
    return { status, since, until };
  };
  t.deepEqual(await bounds("ann@example.com"), { status: "active", since: seconds(start, 3), until: null });
  t.deepEqual(await bounds("ann@example.com", seconds(start, 2)), {
    status: "active",
    since: seconds(start, 1),
    until: seconds(start, 3),
  });
  t.is((await past(rig, "ann@example.com")).items.length, 2, "what is told again is no news");
  t.deepEqual(await bounds("ann@example.com", seconds(start, 0)), {
    status: "available",
    since: null,
    until: null,
  });
  await rig.apply(ann.remove()); // 4 s
  const [restorable, freed] = [30, 395].map((days) =>
    new Date(Date.parse(seconds(start, 4)) + days * 86_400_000).toISOString(),
  ) as [string, string];
  t.deepEqual(await bounds("a@example.com"), {
    status: "deleted",
    since: seconds(start, 4),
    until: restorable,
  });
  rig.advanceDays(100);
  t.deepEqual(await bounds("a@example.com"), { status: "quarantined", since: restorable, until: freed });
  await rig.apply(new Life(rig.now()).create("other@example.com"));
  await rig.reserve({ want: ["held@example.com"] });
  t.deepEqual(await bounds("held@example.com"), {
    status: "reserved",
    since: rig.now().toISOString(),
    until: null,
  });
  t.deepEqual(await bounds("free@example.com"), { status: "available", since: null, until: null });
});

test("pages follow each other without a gap, also where many had it at one moment", async (t) => {
  const rig = await parts(t);
  const lives = Array.from({ length: 5 }, () => new Life(rig.now()));
  for (const life of lives)
    await rig.apply(
      life.create("turn@example.com"),
      life.update("other@example.com"),
      life.update(`${life.id}@e.com`),
    );
  const all = (await past(rig, "turn@example.com")).items;
  t.is(all.length, 5);
  const paged = [];
  let cursor: string | undefined;
  do {
    const page = await past(rig, "turn@example.com", 2, cursor);
    paged.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined && paged.length < 10);
  t.deepEqual(paged, all);
});

test("the list is found by an index of the address, however much history there is", async (t) => {
  const rig = await parts(t);
  await rig.sql.query(`insert into address_history (user_id, version, key, address, kind, state, at)
    select gen_random_uuid(), 1, 'u' || n || '@example.com', 'u' || n || '@example.com', 'primary', 'active', now()
    from generate_series(1, 20000) n`);
  await rig.sql.query("analyze address_history");
  for (const statement of [
    pastOfKey("u17@example.com", undefined, 51),
    pastOfKey("u17@example.com", [new Date().toISOString(), 1, nobody, "active"], 51),
    historyOfKey("u17@example.com", new Date()),
    rowOfKey("u17@example.com"),
  ]) {
    const { sql, parameters } = compile(statement);
    const { rows } = await rig.sql.query(`explain ${sql}`, [...parameters]);
    t.notRegex(
      rows.map((row) => row["QUERY PLAN"]).join("\n"),
      /Seq Scan on (address_history|erased_addresses)/,
    );
  }
});

test("over HTTP: the list, its limits, and nothing of an address in a domain that is not the caller's", async (t) => {
  const rig = await rigOf(t);
  const { body: ann } = await rig.http("POST", "/users", {
    displayName: "Ann",
    primarySmtp: "ann@a.example",
  });
  await eventually(async () => {
    const { body } = await rig.http("GET", "/smtp/ann%40a.example/history");
    assert.deepEqual(body, {
      items: [
        {
          userId: ann.id,
          version: 1,
          address: "ann@a.example",
          kind: "primary",
          status: "active",
          from: ann.createdAt,
          until: null,
        },
      ],
      nextCursor: null,
    });
  });
  t.like((await rig.http("GET", "/smtp/ann@a.example")).body, { since: ann.createdAt, until: null });
  for (const bad of ["?limit=0", "?limit=201", "?limit=1.5", "?cursor=x", "?cursor=W10", "?from=1"])
    t.is((await rig.http("GET", `/smtp/ann@a.example/history${bad}`)).status, 422, bad);
  t.is((await rig.http("GET", "/smtp/no-address/history")).status, 422);
  t.is((await rig.http("POST", "/smtp/ann@a.example/history", {})).status, 405);
  const limited = {
    user: { id: "key:b", via: "key", roles: ["viewer"], domains: ["b.example"] },
    actor: "key:b",
  } as const;
  const refusal = await t.throwsAsync<Refusal>(
    rig.call("smtp-registry.history", { address: "ann@a.example" }, limited as never),
  );
  t.is(refusal?.type, "not-found");
});
