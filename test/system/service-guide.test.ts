/** docs/guides/adding-a-service.md does what it says: a service that is added in its three steps can be called. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { ServiceBroker, type ServiceSchema } from "moleculer";
import { runBlocks, sectionsOf, workingCopy } from "../support/executable-page.ts";
import { repositoryRoot } from "../support/gate/run-tool.ts";

interface Composition {
  hostedService(name: string, platform: unknown, config: unknown): Promise<ServiceSchema>;
}
interface Table {
  hostedServices(named: readonly string[]): readonly string[];
}

test("the guide adds a service in three steps, and it is hosted and answers", async (t) => {
  const page = readFileSync(join(repositoryRoot, "docs/guides/adding-a-service.md"), "utf8");
  const copy = await workingCopy();
  t.teardown(copy.remove);
  t.deepEqual(await runBlocks(sectionsOf(page).get("Three steps") ?? [], copy.folder), []);

  const load = (path: string): Promise<unknown> => import(join(copy.folder, path));
  const { hostedServices } = (await load("services/contracts/services.ts")) as Table;
  t.true(hostedServices(["gateway"]).includes("about"));
  const { hostedService } = (await load("services/runtime/composition.ts")) as Composition;
  const broker = new ServiceBroker({ logger: false, skipProcessEventRegistration: true });
  t.teardown(() => broker.stop());
  broker.createService(await hostedService("about", {}, {}));
  await broker.start();
  t.deepEqual(await broker.call("about.tell"), { release: "0.1.0" });
  t.like(await broker.call("about.health"), { status: "up" });
});
