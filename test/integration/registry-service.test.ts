import { randomUUID } from "node:crypto";
import test from "ava";
import { outgoing } from "../support/events.ts";
import { Life } from "../support/life.ts";
import { healthOf, rigOf } from "../support/rig.ts";

test("The service answers its actions, follows the bus, tells its health and leaves no connection", async (t) => {
  const rig = await rigOf(t, { services: ["smtp-registry"] });
  const userId = randomUUID();
  const wish = { reservationId: "r1", userId, onTaken: "suffix" as const };
  const addresses = [{ address: "ann@example.com", kind: "primary" as const }];
  const reserved = await rig.call("smtp-registry.reserve", { ...wish, addresses });
  t.is(reserved.addresses[0]?.assigned, "ann@example.com");
  const created = new Life(new Date(), userId).create("ann@example.com");
  t.deepEqual(await rig.bus.publish([outgoing(created)]), [{ status: "confirmed" }]);
  const found = await rig.call("smtp-registry.lookup", { address: "ann@example.com" });
  t.like(found, { address: "ann@example.com", status: "active", userId, kind: "primary" });
  const released = await rig.call("smtp-registry.release", { reservationId: "r1", userId });
  t.deepEqual(released, { released: 0 });
  const health = await healthOf(rig, "smtp-registry.health");
  t.deepEqual(health, { status: "up", checks: { database: { status: "up" }, bus: { status: "up" } } });
  for (const at of ["0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"]) {
    const before = await rig.call("smtp-registry.lookup", { address: "ann@example.com", at });
    t.is(before.status, "available", `at ${at}`);
  }
  await t.throwsAsync(rig.call("smtp-registry.lookup", { address: "ann" }), { name: "Refusal" });
});
