import { randomUUID } from "node:crypto";
import test from "ava";
import { ServiceBroker } from "moleculer";
import { inProcessBus } from "../../mixins/bus/in-process.ts";
import { createMetrics } from "../../mixins/metrics/metrics.ts";
import { callAction } from "../../mixins/moleculer/calls.ts";
import { brokerOptions } from "../../moleculer.config.ts";
import { loadConfig } from "../../services/config/index.ts";
import { consumers } from "../../services/contracts/consumers.ts";
import { eventTypes } from "../../services/contracts/events.ts";
import { migrate } from "../../services/runtime/migrations.ts";
import smtpRegistryService from "../../services/smtp-registry/index.ts";
import { testLogger } from "../support/logs.ts";
import { Life } from "../support/registry-rig.ts";
import { testDatabase } from "../support/resources.ts";

test("The service answers its actions, follows the bus, tells its health and leaves no connection", async (t) => {
  const resource = await testDatabase();
  await migrate("registry", resource.url);
  const config = { ...loadConfig({ LOG_LEVEL: "silent" }), registryDatabaseUrl: resource.url };
  const log = testLogger({ nodeId: "registry-test" });
  const bus = inProcessBus({
    queues: [{ queue: consumers["smtp-registry"].queue, bindings: eventTypes }],
    retryDelaysMs: config.retryDelaysMs,
    deadLetter: (letter) => Promise.reject(new Error(`Cannot go on: ${letter.reason}`)),
    log,
  });
  const broker = new ServiceBroker(brokerOptions(config, log));
  broker.createService(
    smtpRegistryService({ log, metrics: createMetrics(), bus, now: () => new Date() }, config),
  );
  bus.start();
  await broker.start();
  try {
    const userId = randomUUID();
    const wish = { reservationId: "r1", userId, onTaken: "suffix" as const };
    const addresses = [{ address: "ann@example.com", kind: "primary" as const }];
    const reserved = await callAction(broker, "smtp-registry.reserve", { ...wish, addresses });
    t.is(reserved.addresses[0]?.assigned, "ann@example.com");
    const created = new Life(new Date(), userId).create("ann@example.com");
    const outgoing = {
      id: created.id,
      type: created.type,
      correlationId: "c",
      body: JSON.stringify(created),
    };
    t.deepEqual(await bus.publish([outgoing]), [{ status: "confirmed" }]);
    const found = await callAction(broker, "smtp-registry.lookup", { address: "ann@example.com" });
    t.deepEqual(found, { address: "ann@example.com", status: "active", userId, kind: "primary" });
    const released = await callAction(broker, "smtp-registry.release", { reservationId: "r1", userId });
    t.deepEqual(released, { released: 0 });
    const health = await callAction(broker, "smtp-registry.health", {});
    t.deepEqual(health, { status: "up", checks: { database: { status: "up" }, bus: { status: "up" } } });
    for (const at of ["0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"]) {
      const before = await callAction(broker, "smtp-registry.lookup", { address: "ann@example.com", at });
      t.is(before.status, "available", `at ${at}`);
    }
    await t.throwsAsync(callAction(broker, "smtp-registry.lookup", { address: "ann" }), { name: "Refusal" });
  } finally {
    await broker.stop();
    await bus.close();
    await resource.drop();
  }
});
