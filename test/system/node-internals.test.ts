/** What any process that may sign in at the broker can learn of the others by Moleculer's own actions. */
import test from "ava";
import { Errors, ServiceBroker } from "moleculer";
import { eventually } from "../support/eventually.ts";
import { Processes } from "../support/processes.ts";
import { brokerUser, testVhost } from "../support/resources.ts";

type Call = (action: string, params: object, options?: object) => Promise<unknown>;

test("a process tells another neither its password at the broker nor whose it is, whatever is asked of $node", async (t) => {
  const vhost = await testVhost();
  const user = await brokerUser(t);
  const url = new URL(vhost.url);
  user.signIn(url);
  await user.mayDo(url.pathname.slice(1), { configure: ".*", write: ".*", read: ".*" });
  const processes = new Processes();
  const other = new ServiceBroker({
    namespace: "mailroster",
    nodeID: "other",
    logger: false,
    skipProcessEventRegistration: true,
    transporter: { type: "AMQP", options: { url: vhost.url } },
  });
  t.teardown(async () => {
    await other.stop();
    await processes.end();
    await vhost.drop();
  });
  const gateway = await processes.start({
    env: { SERVICES: "gateway", NODE_ID: "gateway-1", AMQP_URL: url.href },
  });
  await other.start();
  const call = other.call.bind(other) as Call;
  await eventually(
    async () => {
      const nodes = (await call("$node.list", { onlyAvailable: true })) as { id: string }[];
      if (!nodes.some(({ id }) => id === "gateway-1")) throw new Error("The gateway is not there yet");
    },
    { timeoutMs: 60_000 },
  );
  const nodeID = "gateway-1";
  for (const action of ["$node.options", "$node.health", "$node.metrics"])
    await t.throwsAsync(
      call(action, {}, { nodeID, timeout: 20_000 }),
      { instanceOf: Errors.ServiceNotFoundError },
      action,
    );
  for (const action of ["$node.list", "$node.services"]) {
    const told = JSON.stringify(await call(action, {}, { nodeID, timeout: 20_000 }));
    t.true(told.includes(nodeID), action);
    t.false(told.includes(url.password), action);
  }
  gateway.kill("SIGTERM");
  t.is((await gateway.exited()).code, 0);
});
