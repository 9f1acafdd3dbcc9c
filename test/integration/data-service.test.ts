/** What a service with a database is given: the order of its life, and the health that its row of the table asks for. */
import { defineEntity, p } from "@mikro-orm/core";
import test from "ava";
import { ServiceBroker } from "moleculer";
import { processMetrics } from "../../mixins/metrics/metrics.ts";
import { dataService } from "../../mixins/service.ts";
import type { DataServiceName } from "../../services/contracts/services.ts";
import { testLogger } from "../support/logs.ts";
import { RecordingBus } from "../support/recording-bus.ts";
import { testDatabase } from "../support/resources.ts";

const Thing = defineEntity({ name: "Thing", tableName: "things", properties: { id: p.integer().primary() } });
const settings = { entities: [Thing], poolMax: 1, statementTimeoutMs: 1_000 };

const partsOf = (name: DataServiceName, url: string, bus = new RecordingBus()) =>
  dataService(
    name,
    { log: testLogger(), metrics: processMetrics(), bus, now: () => new Date() },
    { usersDatabaseUrl: url, registryDatabaseUrl: url },
    settings,
  );

const brokerOf = () => new ServiceBroker({ logger: false, skipProcessEventRegistration: true });

test("the database of a service is open from the start of its first mixin to the end of its last", async (t) => {
  const own = await testDatabase();
  const { db, schema } = partsOf("outbox", own.url);
  const steps: string[] = [];
  const noting = (who: string) => ({
    async started() {
      await db.read((em) => em.execute("select 1"));
      steps.push(`${who} started`);
    },
    async stopped() {
      await db.read((em) => em.execute("select 1"));
      steps.push(`${who} stopped`);
    },
  });
  const broker = brokerOf();
  broker.createService(schema({ mixins: [noting("first"), noting("last")], ...noting("service") }));
  await broker.start();
  await broker.stop();
  t.deepEqual(steps, [
    ...["last started", "first started", "service started"],
    ...["service stopped", "first stopped", "last stopped"],
  ]);
  await own.drop();
});

test("the health of a service tells of its database, and of the bus if its row needs one", async (t) => {
  const own = await testDatabase();
  const bus = new RecordingBus();
  bus.setConnected(false);
  const users = partsOf("users", own.url, bus);
  const broker = brokerOf();
  broker.createService(
    users.schema({
      async started() {
        await users.db.read((em) => em.execute("create table things (id int primary key)"));
      },
    }),
  );
  broker.createService(partsOf("outbox", own.url, bus).schema({}));
  await broker.start();
  t.deepEqual(await broker.call("users.health"), { status: "up", checks: { database: { status: "up" } } });
  t.like(await broker.call("outbox.health"), {
    status: "down",
    checks: { database: { status: "up" }, bus: { status: "down" } },
  });
  await broker.stop();
  await own.drop();
});
