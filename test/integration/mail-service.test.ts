/** The service as a process hosts it: the port, the gateway's row, health and stop. */
import { randomUUID } from "node:crypto";
import test from "ava";
import { outgoing } from "../support/events.ts";
import { fixedPort } from "../support/fixed-port.ts";
import { Life } from "../support/life.ts";
import { healthOf, rigOf } from "../support/rig.ts";
import { socketmap } from "../support/socketmap.ts";

test("mail servers ask the port and the gateway, and the port goes with the service", async (t) => {
  const port = await fixedPort();
  const rig = await rigOf(t, {
    services: ["gateway", "mail-lookup", "smtp-registry"],
    environment: { SOCKETMAP_PORT: `${port}` },
  });
  const life = new Life(new Date(), randomUUID());
  await rig.bus.publish([outgoing(life.create("ann@example.com"))]);
  t.deepEqual(await socketmap(port, "mailboxes ann@example.com", "mailboxes bob@example.com"), [
    "OK ann@example.com",
    "NOTFOUND ",
  ]);
  const { status, body, headers } = await rig.http("GET", "/recipients/ann@example.com");
  t.is(status, 200);
  t.is(headers.get("cache-control"), "no-store");
  t.deepEqual(body, {
    address: "ann@example.com",
    primary: "ann@example.com",
    kind: "primary",
    login: "ann@example.com",
    active: true,
    deliver: "accept",
    smtp: "250 2.1.5 Recipient ok",
  });
  const nobody = await rig.http("GET", "/recipients/no%20address");
  t.like(nobody.body, { deliver: "reject", primary: null });
  t.deepEqual(await healthOf(rig, "mail-lookup.health"), {
    status: "up",
    checks: { database: { status: "up" } },
  });
});
