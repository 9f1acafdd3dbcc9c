/** What the registry says of a user that is committed while its event waits, here because no relay runs. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { Refusal } from "../../services/contracts/errors.ts";
import { eventually } from "../support/eventually.ts";
import { Life } from "../support/life.ts";
import { registryParts, ttlMs } from "../support/registry-parts.ts";
import { type Rig, rigOf } from "../support/rig.ts";

async function withoutRelay(t: ExecutionContext, environment: Record<string, string> = {}): Promise<Rig> {
  return rigOf(t, { services: ["users", "smtp-registry"], environment });
}

const create = (rig: Rig, primarySmtp: string, secondarySmtps: string[] = []) =>
  rig.call("users.create", { displayName: "Ann", primarySmtp, secondarySmtps });

const lookUp = (rig: Rig, address: string, at?: string) =>
  rig.call("smtp-registry.lookup", { address, ...(at === undefined ? {} : { at }) });

/** As if the broker had been away for an hour. */
const lapse = (rig: Rig) =>
  rig.registryDb.query("update addresses set expires_at = expires_at - interval '1 hour'");

test("an address of a committed user is never told as available, however long its event waits", async (t) => {
  const rig = await withoutRelay(t);
  const { id } = await create(rig, "ann@waits.example", ["a@waits.example"]);
  await lapse(rig);
  t.like(await lookUp(rig, "ann@waits.example"), { status: "reserved", userId: id, kind: "primary" });
  t.like(await lookUp(rig, "a@waits.example"), { status: "reserved", userId: id, kind: "secondary" });
});

test("the moment after a create its addresses are told as held at that time", async (t) => {
  const rig = await withoutRelay(t);
  const { id, createdAt } = await create(rig, "ann@then.example", ["a@then.example"]);
  for (const address of ["ann@then.example", "a@then.example"])
    t.like(await lookUp(rig, address, createdAt), { status: "reserved", userId: id });
  t.is((await lookUp(rig, "ann@then.example", "2020-01-01T00:00:00Z")).status, "available");
});

test("the hold of a committed user is kept over its time to live, and one that nobody committed goes", async (t) => {
  const rig = await withoutRelay(t, { RESERVATION_TTL_MS: "1000" });
  const { id } = await create(rig, "ann@kept.example");
  const addresses = [{ address: "nobody@kept.example", kind: "primary" as const }];
  const reservation = {
    reservationId: "abandoned",
    userId: randomUUID(),
    onTaken: "refuse" as const,
    addresses,
  };
  await rig.call("smtp-registry.reserve", reservation);
  await eventually(async () => assert.equal((await lookUp(rig, "nobody@kept.example")).status, "available"), {
    timeoutMs: 30_000,
  });
  t.like(await lookUp(rig, "ann@kept.example"), { status: "reserved", userId: id });
  const held = {
    ...reservation,
    reservationId: "other",
    addresses: [{ address: "ann@kept.example", kind: "primary" as const }],
  };
  await t.throwsAsync(rig.call("smtp-registry.reserve", held), { instanceOf: Refusal });
});

test("a lapsed hold that another create was given goes back to the user who has the address", async (t) => {
  const rig = await withoutRelay(t, { RESERVATION_TTL_MS: "1000" });
  const { id } = await create(rig, "ann@back.example");
  await rig.registryDb.query("update addresses set expires_at = now() - interval '1 hour', user_id = $1", [
    randomUUID(),
  ]);
  await eventually(async () => assert.equal((await lookUp(rig, "ann@back.example")).userId, id), {
    timeoutMs: 30_000,
  });
  t.is((await create(rig, "ann@back.example")).primarySmtp, "ann2@back.example");
});

test("a refused create lets no address go that the registry had given it and another user has", async (t) => {
  const rig = await withoutRelay(t);
  await create(rig, "ann@given.example");
  await lapse(rig);
  const request = {
    displayName: "Ann",
    primarySmtp: "ann@given.example",
    secondarySmtps: ["free@given.example"],
  };
  await t.throwsAsync(rig.call("users.create", { ...request, onTaken: "refuse" }), { instanceOf: Refusal });
  await eventually(async () => assert.equal((await lookUp(rig, "free@given.example")).status, "available"));
  t.is((await lookUp(rig, "ann@given.example")).status, "reserved");
});

test("a later write of the user that fails lets none of its committed addresses go", async (t) => {
  const rig = await withoutRelay(t);
  const { id } = await create(rig, "ann@fails.example", ["a@fails.example"]);
  await rig.refuseEventsOf("refuse-my-event");
  const patch = { id, secondarySmtps: ["a@fails.example", "new@fails.example"] };
  await t.throwsAsync(rig.call("users.patch", patch, { correlationId: "refuse-my-event" }));
  await eventually(async () => assert.equal((await lookUp(rig, "new@fails.example")).status, "available"));
  for (const address of ["ann@fails.example", "a@fails.example"])
    t.like(await lookUp(rig, address), { status: "reserved", userId: id });
});

test("while users can't be asked no hold is let go, and once it can each goes the way it says", async (t) => {
  const rig = await registryParts();
  try {
    const userId = randomUUID();
    await rig.reserve({ want: ["committed@example.com"], userId });
    await rig.reserve({ want: ["abandoned@example.com"] });
    rig.advance(ttlMs + 1);
    await t.throwsAsync(rig.sweep("can't be asked"));
    for (const name of ["committed", "abandoned"])
      t.is((await rig.lookUp(`${name}@example.com`)).status, "reserved");
    const held = {
      key: "committed@example.com",
      userId,
      address: "Committed@example.com",
      kind: "secondary" as const,
    };
    t.is(await rig.sweep([held]), 1);
    t.is((await rig.lookUp("abandoned@example.com")).status, "available");
    t.like(await rig.lookUp("committed@example.com"), {
      address: "Committed@example.com",
      status: "reserved",
      userId,
      kind: "secondary",
    });
    const life = new Life(rig.now(), userId);
    await rig.apply(life.create("other@example.com", "Committed@example.com"));
    t.is((await rig.lookUp("committed@example.com")).status, "active");
  } finally {
    await rig.close();
  }
});
