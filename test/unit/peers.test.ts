/** AMQP_PEERS, what it asks of the other variables, and the rights at RabbitMQ that fit. */
import test from "ava";
import {
  consumerPlan,
  environmentOf,
  isForeignConsumer,
  peersText,
  planOf,
  rabbitmqctlLines,
} from "../../services/commands/broker/plan.ts";
import { brokerRights } from "../../services/commands/broker/rights.ts";
import { ConfigError, loadClientConfig, loadConfig } from "../../services/config/index.ts";
import { parsePeers } from "../../services/config/peers.ts";

const peers = "gw=gateway,us=users,re=registry,op=operator,core=gateway+users";
const database = "postgresql://nobody@127.0.0.1:1/none";
const load = (env: Record<string, string>) => loadConfig({ AMQP_PEERS: peers, ...env }, false);
const refused = (env: Record<string, string>): string | undefined => {
  try {
    load(env);
    return undefined;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split(" ", 1)[0];
  }
};

test("a process joins as a peer whose roles host what it hosts, under an id that begins with the user's name", (t) => {
  const gateway = { SERVICES: "gateway", AMQP_URL: "amqp://gw:x@h" };
  t.regex(load(gateway).nodeId, /^gw-/);
  t.is(load({ ...gateway, NODE_ID: "gw-7" }).nodeId, "gw-7");
  t.is(refused({ ...gateway, NODE_ID: "gateway-7" }), "NODE_ID");
  t.is(refused({ ...gateway, AMQP_URL: "amqp://h" }), "AMQP_URL");
  t.is(refused({ ...gateway, AMQP_URL: "amqp://stranger:x@h" }), "AMQP_URL");
  t.is(refused({ ...gateway, AMQP_URL: "amqp://us:x@h" }), "AMQP_PEERS");
  const users = { SERVICES: "users,audit,outbox", DATABASE_URL: database, AMQP_URL: "amqp://us:x@h/calls" };
  t.is(load({ ...users, EVENTS_AMQP_URL: "amqp://us:x@h/events" }).eventsAmqpUrl, "amqp://us:x@h/events");
  t.is(load(users).eventsAmqpUrl, "amqp://us:x@h/calls");
  t.is(refused({ ...users, EVENTS_AMQP_URL: "amqp://re:x@h/events" }), "EVENTS_AMQP_URL");
  t.is(refused({ EVENTS_AMQP_URL: "amqp://us:x@h/events" }), "AMQP_URL");
  t.is(refused({ ...users, SERVICES: "gateway,users,audit,outbox", AMQP_URL: "amqp://core:x@h" }), undefined);
  t.is(
    refused({ SERVICES: "smtp-registry", REGISTRY_DATABASE_URL: database, AMQP_URL: "amqp://core:x@h" }),
    "AMQP_PEERS",
  );
});

test("AMQP_PEERS names each user once, with known roles, and none whose processes could pass for another's", (t) => {
  for (const wrong of [
    "gw",
    "gw=",
    "gw=mail",
    "gw=gateway=users",
    "g w=gateway",
    "=gateway",
    "a=users,a=gateway",
    "m=users,m-gw=gateway",
    "a=users,",
  ])
    t.is(refused({ AMQP_PEERS: wrong }), "AMQP_PEERS", wrong);
  t.deepEqual(
    [...(load({ AMQP_PEERS: " a = users + gateway , b=operator" }).peers ?? [])],
    [
      ["a", ["users", "gateway"]],
      ["b", ["operator"]],
    ],
  );
});

test("a command joins under its user's name", (t) => {
  t.regex(loadClientConfig({ AMQP_PEERS: peers, AMQP_URL: "amqp://op:x@h" }, "repl").nodeId, /^op-repl-/);
  t.throws(() => loadClientConfig({ AMQP_PEERS: peers, AMQP_URL: "amqp://h" }, "repl"), {
    instanceOf: ConfigError,
  });
});

test("a gateway has no right where events are, an operator none but to look, and each its own queues of calls", (t) => {
  const may = (pattern: string, name: string): boolean => new RegExp(pattern).test(name);
  const gateway = brokerRights("m.gw", ["gateway"]);
  t.is(gateway.events, undefined);
  const { configure, write, read } = gateway.calls;
  for (const name of ["MOL-mailroster.REQ.m.gw-1", "MOL-mailroster.INFO"])
    t.true(
      [configure, write, read].every((pattern) => may(pattern, name)),
      name,
    );
  for (const name of [
    "MOL-mailroster.REQ.mxgw-1",
    "MOL-mailroster.REQ.us-1",
    "MOL-mailroster.REQ.m.gw",
    "audit.user-events",
  ])
    t.false(
      [configure, write, read].some((pattern) => may(pattern, name)),
      name,
    );
  t.true(may(write, "amq.default"));
  t.false(may(read, "amq.default"));
  t.deepEqual(brokerRights("op", ["operator"]).events, { configure: "^$", write: "^$", read: "^$" });
  const registry = brokerRights("re", ["registry"]).events;
  t.true(may(registry?.read ?? "", "smtp-registry.user-events.retry.1s"));
  t.false(may(registry?.read ?? "", "audit.user-events"));
  t.true(may(brokerRights("core", ["gateway", "users"]).events?.read ?? "", "audit.user-events"));
});

test("the plan makes a user for each peer with a password of its own, and takes a gateway's right to the events away", (t) => {
  const vhosts = { calls: "calls", events: "it's events" };
  const plan = planOf(parsePeers("gw=gateway,core=users+registry"), vhosts);
  const [gateway, core] = plan.users;
  if (gateway === undefined || core === undefined) return t.fail();
  t.is(peersText(plan), "gw=gateway,core=users+registry");
  t.not(gateway.password, core.password);
  t.deepEqual(Object.keys(environmentOf(gateway, "h:5672")), ["AMQP_URL"]);
  t.is(environmentOf(core, "h:5672").EVENTS_AMQP_URL, `amqp://core:${core.password}@h:5672/it's%20events`);
  const lines = rabbitmqctlLines(plan);
  t.true(lines.includes(String.raw`rabbitmqctl clear_permissions -p 'it'\''s events' 'gw'`));
  t.is(lines.filter((line) => line.startsWith("rabbitmqctl set_permissions")).length, 3);
  t.is(lines.filter((line) => line.includes("add_user")).length, 2);
});

test("a consumer that is no part of the system has a login of its own, where events are and nowhere else", (t) => {
  const plan = consumerPlan("billing", "events");
  const [user] = plan.users;
  if (user === undefined) return t.fail();
  t.deepEqual(plan.vhosts, []);
  t.deepEqual(environmentOf(user, "h:5672"), {
    AMQP_URL: `amqp://consumer-billing:${user.password}@h:5672/events`,
  });
  t.deepEqual(rabbitmqctlLines(plan).slice(1), [
    String.raw`rabbitmqctl set_permissions -p 'events' 'consumer-billing' '^(billing\.user-events(\..*)?)$' '^(billing\.user-events(\..*)?)$' '^(mailroster\.users|billing\.user-events(\..*)?)$'`,
  ]);
  for (const name of ["billing", "b", "crm-2"]) t.true(isForeignConsumer(name), name);
  for (const name of ["audit", "smtp-registry", "audit.user-events", ".*", "a|b", "-a", ""])
    t.false(isForeignConsumer(name), name);
});
