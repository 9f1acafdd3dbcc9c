/** The users' own keys are the second line: what holds when the registry has not heard of a user yet. */
import test, { type ExecutionContext } from "ava";
import { Refusal } from "../../services/contracts/errors.ts";
import { registryEntities } from "../../services/smtp-registry/entities.ts";
import { apply } from "../../services/smtp-registry/projection.ts";
import { openDatabase } from "../support/own-database.ts";
import { type Rig, rigOf } from "../support/rig.ts";

/** Without a relay: the registry knows its own holds, and no event unless it is given one. */
const withoutRelay = (t: ExecutionContext, environment: Record<string, string> = {}): Promise<Rig> =>
  rigOf(t, { services: ["users", "smtp-registry"], environment });

const create = (rig: Rig, primarySmtp: string, secondarySmtps: string[] = []) =>
  rig.call("users.create", { displayName: "Ann", primarySmtp, secondarySmtps });

const holdsLapse = (rig: Rig) =>
  rig.registryDb.query("update addresses set expires_at = now() where status = 'reserved'");

test("a deleted user's addresses go to nobody else and come back, though the registry has not heard of it", async (t) => {
  const rig = await withoutRelay(t);
  const one = await create(rig, "one@guard.example", ["uno@guard.example"]);
  await rig.call("users.remove", { id: one.id });
  await holdsLapse(rig);
  t.is((await create(rig, "one@guard.example")).primarySmtp, "one2@guard.example");
  const three = await create(rig, "three@guard.example");
  await holdsLapse(rig);
  const refused = await t.throwsAsync(
    rig.call("users.patch", { id: three.id, primarySmtp: "uno@guard.example" }),
    { instanceOf: Refusal },
  );
  t.like(refused, {
    type: "address-taken",
    data: { conflicts: [{ address: "uno@guard.example", status: "deleted" }] },
  });
  await holdsLapse(rig);
  t.like(await rig.call("users.restore", { id: one.id }), {
    primarySmtp: "one@guard.example",
    secondarySmtps: ["uno@guard.example"],
  });
  await holdsLapse(rig);
  t.is((await create(rig, "uno@guard.example")).primarySmtp, "uno2@guard.example");
});

test("an address that was removed, taken back and deleted goes to nobody while only the removal has arrived", async (t) => {
  const rig = await withoutRelay(t);
  const db = await openDatabase(rig.urls.registry, registryEntities);
  t.teardown(() => db.close());
  const rules = { terms: { tombstoneDays: 30, quarantineDays: 365 }, now: () => new Date() };
  const arrive = async (userId: string, ...versions: number[]) => {
    const events = (await rig.eventsOf(userId)).filter(({ sequence }) => versions.includes(sequence));
    await db.transaction((em) => apply(em, rules, events));
  };
  const secondarySmtps = ["back@guard.example"];
  const one = await create(rig, "prime@guard.example", secondarySmtps);
  await arrive(one.id, 1);
  await rig.call("users.patch", { id: one.id, secondarySmtps: [] });
  await rig.call("users.patch", { id: one.id, secondarySmtps });
  await rig.call("users.remove", { id: one.id });
  await arrive(one.id, 2);
  const two = await create(rig, "back@guard.example");
  t.is(two.primarySmtp, "back2@guard.example");
  await arrive(one.id, 3, 4);
  await arrive(two.id, 1);
  t.deepEqual((await rig.registryDb.query("select key, user_id, status from addresses order by key")).rows, [
    { key: "back2@guard.example", user_id: two.id, status: "active" },
    { key: "back@guard.example", user_id: one.id, status: "deleted" },
    { key: "prime@guard.example", user_id: one.id, status: "deleted" },
  ]);
});

test("once its terms are over a deleted user's address is anybody's, and the restore is refused", async (t) => {
  const rig = await withoutRelay(t, { TOMBSTONE_DAYS: "0", QUARANTINE_DAYS: "0" });
  const one = await create(rig, "free@guard.example");
  await rig.call("users.remove", { id: one.id });
  await holdsLapse(rig);
  const two = await create(rig, "free@guard.example");
  t.is(two.primarySmtp, "free@guard.example");
  // The registry may have forgotten the second one's hold as well: then the key alone decides.
  await holdsLapse(rig);
  const refused = await t.throwsAsync(rig.call("users.restore", { id: one.id }), { instanceOf: Refusal });
  t.like(refused, { type: "address-taken", data: { conflicts: [{ status: "active" }] } });
});
