/** Whoever is limited to domains: what they see of the directory, and what they may change. */
import { randomUUID } from "node:crypto";
import test from "ava";
import type { CallMeta } from "../../services/contracts/actions.ts";
import type { Refusal } from "../../services/contracts/errors.ts";
import { eventually } from "../support/eventually.ts";
import { type Rig, rigOf } from "../support/rig.ts";

const limited: CallMeta = {
  user: { id: "key:limited", via: "key", roles: ["owner"], domains: ["a.example", "xn--bcher-kva.example"] },
  actor: "key:limited",
};

const name = () => `u${randomUUID().slice(0, 8)}`;
const refused = (call: () => Promise<unknown>) => async (): Promise<string> => {
  try {
    await call();
    return "granted";
  } catch (error) {
    return (error as Refusal).type;
  }
};

async function people(rig: Rig) {
  const create = (primarySmtp: string, secondarySmtps: string[] = []) =>
    rig.call("users.create", { displayName: "Ann", primarySmtp, secondarySmtps });
  return {
    own: await create(`${name()}@a.example`),
    foreign: await create(`${name()}@b.example`),
    both: await create(`${name()}@b.example`, [`${name()}@A.example`]),
    mixed: await create(`${name()}@a.example`, [`${name()}@b.example`]),
  };
}

test("a user without an address in the caller's domains is not found: not read, not listed, not changed", async (t) => {
  const rig = await rigOf(t);
  const { own, foreign, both, mixed } = await people(rig);
  t.is((await rig.call("users.get", { id: own.id }, limited)).id, own.id);
  t.is((await rig.call("users.get", { id: both.id }, limited)).id, both.id);
  const listed = await rig.call("users.list", {}, limited);
  t.deepEqual(
    listed.items.map(({ id }) => id),
    [own.id, both.id, mixed.id],
  );
  t.is((await rig.call("users.list", {})).items.length, 4);
  const { id } = foreign;
  for (const call of [
    () => rig.call("users.get", { id }, limited),
    () => rig.call("users.patch", { id, displayName: "Bob" }, limited),
    () => rig.call("users.replace", { id, displayName: "Bob", primarySmtp: `${name()}@a.example` }, limited),
    () => rig.call("users.remove", { id }, limited),
    () => rig.call("users.restore", { id }, limited),
    () => rig.call("smtp-registry.lookup", { address: foreign.primarySmtp }, limited),
  ])
    t.is(await refused(call)(), "not-found");
  t.is((await rig.call("users.get", { id })).version, 1);
});

test("a check tells nothing of addresses and ids that lie outside", async (t) => {
  const rig = await rigOf(t);
  const { own, foreign } = await people(rig);
  const bob = await rig.call("users.create", {
    displayName: "Bob",
    primarySmtp: `${name()}@b.example`,
    externalId: "E-9",
  });
  const ann = { displayName: "Ann" };
  const users = [
    { ...ann, primarySmtp: foreign.primarySmtp },
    { ...ann, primarySmtp: `${name()}@a.example`, externalId: "E-9" },
    { ...ann, primarySmtp: `${name()}@a.example`, secondarySmtps: [foreign.primarySmtp] },
    { ...ann, primarySmtp: own.primarySmtp },
  ];
  for (const key of [undefined, "externalId", "primarySmtp"] as const) {
    const { items } = await rig.call("users.check", { users, key }, limited);
    t.is(items[3]?.outcome, key === "externalId" ? "refused" : "unchanged");
    const told = JSON.stringify(items.slice(0, 3));
    t.deepEqual(
      items.slice(0, 3).map(({ outcome }) => outcome),
      ["refused", "refused", "refused"],
    );
    for (const secret of [foreign.id, bob.id, bob.primarySmtp]) t.false(told.includes(secret));
  }
});

test("an externalId that somebody outside has is refused without a word of who", async (t) => {
  const rig = await rigOf(t);
  await rig.call("users.create", {
    displayName: "Bob",
    primarySmtp: `${name()}@b.example`,
    externalId: "E-2",
  });
  const ann = { displayName: "Ann", primarySmtp: `${name()}@a.example`, externalId: "E-2" };
  const { type, data } = await t.throwsAsync<Refusal>(rig.call("users.create", ann, limited));
  t.is(type, "external-id-taken");
  t.deepEqual(data.errors?.[0]?.conflict, { externalId: "E-2", status: "active", userId: null });
  t.deepEqual((await rig.call("users.list", { externalId: "E-2" }, limited)).items, []);
});

test("a change that touches an address of another domain is forbidden, and leaves nothing behind", async (t) => {
  const rig = await rigOf(t);
  const { own, both, mixed } = await people(rig);
  const create = (primarySmtp: string, secondarySmtps: string[] = []) =>
    refused(() => rig.call("users.create", { displayName: "Ann", primarySmtp, secondarySmtps }, limited))();
  const patch = (id: string, body: object) =>
    refused(() => rig.call("users.patch", { id, ...body }, limited))();
  t.is(await create(`${name()}@b.example`), "forbidden");
  t.is(await create(`${name()}@a.example`, [`${name()}@b.example`]), "forbidden");
  t.is(await create(`${name()}@Bücher.example`), "granted", "in A-labels it is one of theirs");
  t.is(await patch(own.id, { primarySmtp: `${name()}@b.example` }), "forbidden");
  t.is(await patch(own.id, { secondarySmtps: [`${name()}@b.example`] }), "forbidden");
  t.is(await patch(own.id, { displayName: "Lee", secondarySmtps: [`${name()}@a.example`] }), "granted");
  t.is(await patch(mixed.id, { secondarySmtps: [] }), "forbidden", "it would take the other domain's away");
  t.is(await patch(both.id, { displayName: "Lee" }), "forbidden", "the name goes with the primary");
  const [second = ""] = both.secondarySmtps;
  t.is(await patch(both.id, { primarySmtp: second }), "forbidden", "the old primary changes its kind");
  t.is(await patch(both.id, { secondarySmtps: [second, `${name()}@a.example`] }), "granted");
  t.is(await patch(both.id, { externalId: "E-1" }), "forbidden", "so does the externalId");
  t.is(
    await patch(both.id, { externalId: "E-1", secondarySmtps: [second] }),
    "forbidden",
    "also beside an address of theirs",
  );
  t.is(await refused(() => rig.call("users.remove", { id: mixed.id }, limited))(), "forbidden");
  t.is(await refused(() => rig.call("users.remove", { id: own.id }, limited))(), "granted");
  t.is(await refused(() => rig.call("users.restore", { id: own.id }, limited))(), "granted");
});

test("the audit log shows what happened to users who had an address in the caller's domains then", async (t) => {
  const rig = await rigOf(t);
  const { own, foreign } = await people(rig);
  await rig.call("users.patch", { id: own.id, primarySmtp: `${name()}@b.example`, secondarySmtps: [] });
  await rig.call("users.patch", { id: own.id, displayName: "Moved" });
  await rig.call("users.patch", { id: own.id, secondarySmtps: [] });
  await rig.call("users.patch", { id: own.id, displayName: "Gone" });
  await rig.call("users.patch", { id: foreign.id, displayName: "Bob" });
  await eventually(async () => {
    const { items } = await rig.call("audit.list", {});
    if (items.length < 9) throw new Error(`The audit log has ${items.length} of 9 entries`);
  });
  const seen = await rig.call("audit.list", { userId: own.id }, limited);
  t.deepEqual(
    seen.items.map(({ version }) => version),
    [1, 2, 3, 4],
    "the last change came when no address was left there",
  );
  t.deepEqual((await rig.call("audit.list", { userId: foreign.id }, limited)).items, []);
});
