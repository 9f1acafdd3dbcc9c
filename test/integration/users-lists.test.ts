/** Lists of users beyond the living: deleted ones, those of a domain, and those who changed since a time. */
import test from "ava";
import type { CallMeta } from "../../services/contracts/actions.ts";
import { dayMs } from "../../services/contracts/terms.ts";
import type { ListedUser } from "../../services/contracts/user-lists.ts";
import { type Rig, rigOf } from "../support/rig.ts";

const services = ["gateway", "users", "smtp-registry"] as const;

const create = async (rig: Rig, primarySmtp: string, secondarySmtps: string[] = []): Promise<ListedUser> =>
  (await rig.http("POST", "/users", { displayName: "Ann", primarySmtp, secondarySmtps })).body;
const list = async (rig: Rig, query: string): Promise<ListedUser[]> =>
  (await rig.http("GET", `/users?${query}`)).body.items;
const idsOf = async (rig: Rig, query: string): Promise<string[]> =>
  (await list(rig, query)).map(({ id }) => id);
const later = (at: string | undefined, days: number): string =>
  new Date(Date.parse(at ?? "") + days * dayMs).toISOString();

test("deleted users are listed and read where they are asked for, with their terms, and erased ones never", async (t) => {
  const rig = await rigOf(t);
  const lives = await create(rig, "lives@list.example");
  const gone = await create(rig, "gone@list.example");
  const erased = await create(rig, "erased@list.example");
  for (const { id } of [gone, erased]) t.is((await rig.http("DELETE", `/users/${id}`)).status, 204);
  t.deepEqual(await idsOf(rig, ""), [lives.id]);
  t.deepEqual(await idsOf(rig, "deleted=only"), [gone.id, erased.id]);
  const reason = { reason: "Request of 3 March" };
  t.is((await rig.http("POST", `/users/${erased.id}/erase`, reason)).status, 204);
  t.deepEqual(await idsOf(rig, "deleted=only"), [gone.id]);
  t.deepEqual(await idsOf(rig, "deleted=include"), [lives.id, gone.id]);
  t.deepEqual(await idsOf(rig, "deleted=include&updatedSince=2020-01-01T00:00:00Z"), [lives.id, gone.id]);
  t.deepEqual(await idsOf(rig, "deleted=only&smtp=gone@list.example"), [gone.id]);
  t.deepEqual(await idsOf(rig, "deleted=only&domain=list.example"), [gone.id]);
  t.deepEqual(await idsOf(rig, "deleted=include&domain=list.example"), [lives.id, gone.id]);
  const [shown] = await list(rig, "deleted=only");
  const { deletedAt } = shown ?? {};
  t.is(shown?.restorableUntil, later(deletedAt, 30));
  t.is(shown?.quarantinedUntil, later(deletedAt, 395));
  t.false("deletedAt" in ((await list(rig, "deleted=include"))[0] ?? {}), "a living one has none of it");
  t.is((await rig.http("GET", `/users/${gone.id}`)).status, 404);
  t.deepEqual((await rig.http("GET", `/users/${gone.id}?deleted=include`)).body, shown);
  t.is((await rig.http("GET", `/users/${erased.id}?deleted=include`)).status, 404);
  t.is((await rig.http("GET", `/users/${gone.id}?deleted=only`)).status, 422);
});

test("whoever is limited to domains sees of the deleted ones, too, those alone who had an address there", async (t) => {
  const rig = await rigOf(t, { services });
  const own = await create(rig, "own@a.example");
  const foreign = await create(rig, "foreign@b.example");
  for (const { id } of [own, foreign]) t.is((await rig.http("DELETE", `/users/${id}`)).status, 204);
  const limited: CallMeta = {
    user: { id: "key:limited", via: "key", roles: ["owner"], domains: ["a.example"] },
    actor: "key:limited",
  };
  for (const query of [{}, { updatedSince: "2020-01-01T00:00:00Z" }, { domain: "b.example" }]) {
    const { items } = await rig.call("users.list", { deleted: "only", ...query }, limited);
    t.deepEqual(
      items.map(({ id }) => id),
      "domain" in query ? [] : [own.id],
    );
  }
  const get = (id: string) => rig.call("users.get", { id, deleted: "include" }, limited);
  t.is((await get(own.id)).id, own.id);
  await t.throwsAsync(get(foreign.id), { message: /there is none/ });
});

test("a domain in either form lists each user with an address there once, page by page", async (t) => {
  const rig = await rigOf(t, { services });
  const both = await create(rig, "one@bücher.example", ["two@xn--bcher-kva.example"]);
  await create(rig, "other@list.example");
  const second = await create(rig, "x@list.example", ["x@bücher.example"]);
  for (const domain of ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example"]) {
    const query = `domain=${encodeURIComponent(domain)}`;
    t.deepEqual(await idsOf(rig, query), [both.id, second.id], domain);
    const first = await rig.http("GET", `/users?${query}&limit=1`);
    t.deepEqual(await idsOf(rig, `${query}&limit=1&cursor=${first.body.nextCursor}`), [second.id]);
    t.deepEqual(await idsOf(rig, `${query}&updatedSince=2020-01-01T00:00:00Z`), [both.id, second.id]);
  }
  t.deepEqual(await idsOf(rig, "domain=none.example"), []);
  t.is((await rig.http("GET", "/users?domain=a..b")).status, 422);
});

test("those who changed since a time come in the order of their last change, and one that changes meanwhile again", async (t) => {
  const rig = await rigOf(t, { services });
  const users: ListedUser[] = [];
  for (let n = 0; n < 5; n += 1) users.push(await create(rig, `s${n}@list.example`));
  const [first, second] = users;
  const since = `updatedSince=${users[1]?.updatedAt}`;
  t.deepEqual(
    await idsOf(rig, since),
    users.filter(({ updatedAt }) => updatedAt >= (second?.updatedAt ?? "")).map(({ id }) => id),
  );
  const page = (await rig.http("GET", "/users?updatedSince=2020-01-01T00:00:00Z&limit=3")).body;
  const seen = page.items.map(({ id }: ListedUser) => id);
  const { body: changed } = await rig.http("PATCH", `/users/${first?.id}`, { displayName: "Bob" });
  const rest = await list(rig, `updatedSince=2020-01-01T00:00:00Z&cursor=${page.nextCursor}`);
  t.deepEqual(
    rest.map(({ id }) => id),
    [...users.slice(3).map(({ id }) => id), first?.id],
  );
  t.is(rest.at(-1)?.version, changed.version);
  t.is(seen[0], first?.id);
  const byCreation = (await rig.http("GET", "/users?limit=1")).body.nextCursor;
  t.is((await rig.http("GET", `/users?${since}&cursor=${byCreation}`)).status, 422);
  t.is((await rig.http("GET", "/users?updatedSince=yesterday")).status, 422);
});
