import { existsSync, globSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import test from "ava";
import { actions } from "../../services/contracts/actions.ts";
import { peerRoles } from "../../services/contracts/peers.ts";
import {
  behindTheGateway,
  hostedNames,
  hostedServices,
  hostRoles,
  hostsEverything,
  serviceNames,
  services,
  usesBus,
  usesDatabase,
} from "../../services/contracts/services.ts";
import { repositoryRoot } from "../support/gate/run-tool.ts";

/** Folders of services/ that host nothing. */
const groundFloor = ["commands", "config", "contracts", "embedded", "runtime"];

test("every service of the table is a folder that exports its factory, and every such folder is in the table", async (t) => {
  for (const name of hostedNames) {
    const file = join(repositoryRoot, "services", name, "index.ts");
    t.true(existsSync(file), name);
    const { default: factory } = (await import(file)) as { default?: unknown };
    t.is(typeof factory, "function", name);
  }
  const folders = globSync("services/*/index.ts", { cwd: repositoryRoot }).map((file) =>
    basename(dirname(file)),
  );
  t.deepEqual(folders.filter((folder) => !groundFloor.includes(folder)).sort(), [...hostedNames].sort());
});

test("a service that keeps data is not made without its database, and one sentence names what is missing", async (t) => {
  for (const [name, { database }] of Object.entries(services)) {
    if (database === undefined) continue;
    const { default: factory } = await import(join(repositoryRoot, "services", name, "index.ts"));
    t.throws(() => factory({}, {}), {
      message: `Cannot make the service ${name}: the configuration has no ${database}DatabaseUrl`,
    });
  }
});

test("SERVICES names the five services that come with no other, and mail-lookup, which may stand alone too", (t) => {
  t.deepEqual([...serviceNames].sort(), [
    "audit",
    "gateway",
    "mail-lookup",
    "outbox",
    "smtp-registry",
    "users",
  ]);
  const alone = serviceNames.filter((name) => name !== "mail-lookup");
  t.true(hostsEverything(alone) && !hostsEverything(["mail-lookup"]));
});

test("a process hosts what SERVICES names and what comes with it, who asks for work before who does it", (t) => {
  t.deepEqual(hostedServices(["gateway"]), ["gateway", "trace", "ops"]);
  t.deepEqual(hostedServices(["smtp-registry"]), ["mail-lookup", "smtp-registry", "ops"]);
  t.deepEqual(hostedServices(["mail-lookup"]), ["mail-lookup", "ops"]);
  t.deepEqual(hostedServices(["outbox", "users"]), [
    ...["trace", "reconciler", "access", "domains", "scim", "users", "dead-letters", "outbox"],
    "ops",
  ]);
});

test("a process needs the databases and the bus of what it hosts", (t) => {
  t.false(
    usesDatabase(["gateway"], "users") || usesDatabase(["gateway"], "registry") || usesBus(["gateway"]),
  );
  t.true(usesDatabase(["users"], "users"));
  t.false(usesDatabase(["users"], "registry") || usesBus(["users"]));
  t.true(usesDatabase(["smtp-registry"], "registry") && usesBus(["smtp-registry"]));
});

test("the gateway is ready only with every service that answers one of its requests", (t) => {
  t.deepEqual([...behindTheGateway].sort(), [
    ...["audit", "dead-letters", "outbox", "smtp-registry", "trace", "users"],
  ]);
});

test("a service that comes with others is hosted in their roles, and one of every process in all", (t) => {
  t.deepEqual(hostRoles("trace"), ["gateway", "users"]);
  t.deepEqual(hostRoles("dead-letters"), ["users"]);
  t.deepEqual(hostRoles("smtp-registry"), ["registry"]);
  t.deepEqual(hostRoles("mail-lookup"), ["registry"]);
  t.deepEqual(hostRoles("ops"), peerRoles);
});

test("the gateway and the operator may call every action of the HTTP surface, and none may call what nobody is named for", (t) => {
  for (const [name, { visibility, callers }] of Object.entries(actions)) {
    t.true(callers.length > 0, name);
    if (visibility === "published") t.deepEqual(callers.slice(0, 2), ["gateway", "operator"], name);
  }
});
