/** The id of a person in the system they come from: of one user at most, also while a deleted one may come back. */
import test from "ava";
import type { Change } from "../../services/contracts/events.ts";
import { dayMs } from "../../services/contracts/terms.ts";
import { type Rig, rigOf, startRig } from "../support/rig.ts";

let rig: Rig;
test.before(async () => {
  rig = await startRig({ services: ["gateway", "users", "smtp-registry"] });
});
test.after.always(() => rig.stop());

const create = (externalId: string | null | undefined, primarySmtp: string, of = rig) =>
  of.http("POST", "/users", {
    displayName: "Ann",
    primarySmtp,
    ...(externalId === undefined ? {} : { externalId }),
  });
const idsOf = async (query: string): Promise<string[]> =>
  (await rig.http("GET", `/users?${query}`)).body.items.map(({ id }: { id: string }) => id);

test("a user has the externalId that was given as it was written, and always the member", async (t) => {
  const { status, body: given } = await create("  Emp-É/1 ", "given@id.example");
  t.is(status, 201);
  t.is(given.externalId, "Emp-É/1");
  t.is((await create(undefined, "none@id.example")).body.externalId, null);
  const { body: none } = await create(null, "null@id.example");
  t.is(none.externalId, null);
  const path = `/users/${none.id}`;
  t.is((await rig.http("GET", path)).body.externalId, null);
  t.is((await rig.http("PATCH", path, { externalId: "Patched" })).body.externalId, "Patched");
  const names = { displayName: "Ann", primarySmtp: "null@id.example" };
  t.is((await rig.http("PUT", path, names)).body.externalId, "Patched", "one that does not know it keeps it");
  t.is((await rig.http("PUT", path, { ...names, externalId: "Put" })).body.externalId, "Put");
  t.is((await rig.http("PATCH", path, { externalId: null })).body.externalId, null);
  const changes: Change[] = (await rig.eventsOf(none.id)).flatMap(({ data }) => data.changes);
  t.deepEqual(
    changes.filter(({ field }) => field === "externalId").map(({ from, to }) => [from, to]),
    [
      [null, "Patched"],
      ["Patched", "Put"],
      ["Put", null],
    ],
  );
});

test("a user is found by the whole externalId in its case, by q in a part of it in any", async (t) => {
  const { body: one } = await create("Find Me+1", "find@id.example");
  t.deepEqual(await idsOf("externalId=Find%20Me%2B1"), [one.id]);
  t.deepEqual(await idsOf("externalId=find%20me%2B1"), []);
  t.deepEqual(await idsOf("externalId=Find%20Me"), []);
  t.deepEqual(await idsOf("q=nd+ME%2B"), [one.id]);
});

test("an externalId that can't be one is refused at its place", async (t) => {
  for (const externalId of ["", " ", "a\u0000b", "\u202eabc", "x".repeat(257), 7]) {
    const { status, body } = await create(externalId as string, "bad@id.example");
    t.is(status, 422, JSON.stringify(externalId));
    t.is(body.errors[0].pointer, "#/externalId");
  }
});

test("an externalId that another user has is a conflict that names it, and nothing is left behind", async (t) => {
  const { body: holder } = await create("Taken", "holder@id.example");
  const { status, body } = await create("Taken", "second@id.example");
  t.is(status, 409);
  t.is(body.type, "/problems/external-id-taken");
  t.deepEqual(body.errors, [
    {
      pointer: "#/externalId",
      detail: "is not available: it is active",
      conflict: { externalId: "Taken", status: "active", userId: holder.id },
    },
  ]);
  t.is((await rig.http("GET", "/smtp/second@id.example")).body.status, "available");
  const { body: other } = await create("taken", "second@id.example");
  t.is(other.externalId, "taken", "another case is another id");
  for (const [method, more] of [
    ["PATCH", {}],
    ["PUT", { displayName: "Ann", primarySmtp: "second@id.example" }],
  ] as const)
    t.is((await rig.http(method, `/users/${other.id}`, { ...more, externalId: "Taken" })).status, 409);
  t.is((await rig.http("GET", `/users/${other.id}`)).body.version, 1);
});

test("of many at the same time who want one externalId one gets it, and no other write suffers", async (t) => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => create(n % 2 === 0 ? "Race" : undefined, `race${n}@id.example`)),
  );
  t.deepEqual(answers.map(({ status }) => status).sort(), [
    ...Array.from({ length: 11 }, () => 201),
    ...Array.from({ length: 9 }, () => 409),
  ]);
  t.is((await idsOf("externalId=Race")).length, 1);
});

test("a deleted user's externalId is kept for as long as the addresses are, then whoever wants it takes it", async (t) => {
  let passed = 0;
  const late = await rigOf(t, {
    services: ["gateway", "users", "smtp-registry"],
    now: () => new Date(Date.now() + passed),
  });
  const { body: gone } = await create("Kept", "gone@id.example", late);
  t.is((await late.http("DELETE", `/users/${gone.id}`)).status, 204);
  const { status, body } = await create("Kept", "new@id.example", late);
  t.is(status, 409);
  t.deepEqual(body.errors[0].conflict, { externalId: "Kept", status: "deleted", userId: gone.id });
  t.is((await late.http("POST", `/users/${gone.id}/restore`)).body.externalId, "Kept");
  t.is((await late.http("DELETE", `/users/${gone.id}`)).status, 204);
  passed = 396 * dayMs;
  const { body: heir } = await create("Kept", "new@id.example", late);
  t.is(heir.externalId, "Kept");
  const told = (await late.eventsOf(gone.id)).at(-1);
  t.is(told?.type, "user.deleted.v1");
  t.deepEqual(told?.data.changes, [{ field: "externalId", from: "Kept", to: null }]);
  t.is((await late.http("POST", `/users/${gone.id}/restore`)).body.externalId, null);
});
