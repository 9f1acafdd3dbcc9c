/**
 * Looks at RabbitMQ: version, the exchange, each queue with its arguments, readers and depth, and the bindings.
 *
 * AMQP shows no arguments; but declaring a queue that is there (looked at just before) changes nothing and fails when
 * its arguments differ. It shows no bindings either: those are read from the management API when that answers.
 */
import amqp, { type Channel, type ChannelModel } from "amqplib";
import { counted } from "../../../mixins/basics/plural.ts";
import { brokerSocket } from "../../../mixins/bus/broker-tls.ts";
import type { QueueSpec } from "../../../mixins/bus/port.ts";
import { type QueueDeclaration, queueDeclarations, userQueues } from "../../../mixins/bus/topology.ts";
import type { BrokerTls } from "../../contracts/broker-tls.ts";
import { deadLetterQueue, usersExchange } from "../../contracts/headers.ts";
import type { Peers } from "../../contracts/peers.ts";
import { reasonOf, serverOf } from "../../runtime/reasons.ts";
import { type AskManagement, examineCluster } from "./cluster.ts";
import { type Finding, ok, okIf, problem } from "./findings.ts";
import { examinePeers } from "./peers.ts";

const connectTimeoutMs = 3_000;
const managementTimeoutMs = 1_000;
const managementPorts = { "amqp:": ["http", 15_672], "amqps:": ["https", 15_671] } as const;
/** More than a consumer settles in a second or two. */
const depthMax = 10_000;

/** A refusal closes the channel, so each question has one of its own. */
async function ask<T>(connection: ChannelModel, question: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await connection.createChannel();
  channel.on("error", () => {}); // shows as the failure of the question
  try {
    const answer = await question(channel);
    await channel.close();
    return answer;
  } catch (error) {
    await channel.close().catch(() => {}); // closed already
    throw error;
  }
}

const exchangePart = `exchange ${usersExchange}`;
const redeclare = "start the system: its processes declare what is missing at every connection";

async function queueFinding(
  connection: ChannelModel,
  spec: QueueSpec,
  { queue, options }: QueueDeclaration,
): Promise<Finding> {
  const part = `queue ${queue}`;
  const state = await ask(connection, (channel) => channel.checkQueue(queue)).catch((error: unknown) => {
    if ((error as { code?: number }).code === 404) return undefined;
    throw error;
  });
  if (state === undefined) return problem(part, "is not there", redeclare, ["system", exchangePart]);
  try {
    await ask(connection, (channel) => channel.assertQueue(queue, options));
  } catch (error) {
    const { code } = error as { code?: number };
    // Who may only look, as an operator does, is not told the arguments.
    if (code !== 406 && code !== 403) throw error;
    if (code === 406)
      return problem(
        part,
        "has another type or other arguments than this release declares",
        "empty it, delete it and restart",
      );
  }
  const { messageCount, consumerCount } = state;
  const isRead = queue === spec.queue || queue === deadLetterQueue(spec.queue);
  const readers = isRead ? `, ${counted(consumerCount, "reader")}` : "";
  const says = `${counted(messageCount, "message")}${readers}`;
  if (isRead && consumerCount === 0)
    return problem(
      part,
      says,
      `start a process that hosts ${spec.queue.split(".")[0]}${queue === spec.queue ? "" : " and one that hosts outbox"}`,
      ["system", "services"],
    );
  return okIf(
    messageCount <= depthMax,
    part,
    says,
    "its consumer is slower than what comes: see its lines, add a process",
    ["system", "services"],
  );
}

const vhostOf = (node: URL): string => decodeURIComponent(node.pathname.slice(1)) || "/";

/** The management API of this node. */
function managementOf(node: URL): AskManagement {
  const [scheme, port] = managementPorts[node.protocol === "amqps:" ? "amqps:" : "amqp:"];
  const credentials = `${decodeURIComponent(node.username) || "guest"}:${decodeURIComponent(node.password) || "guest"}`;
  return async <T>(path: string) => {
    try {
      const answer = await fetch(`${scheme}://${node.hostname}:${port}/api/${path}`, {
        headers: { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` },
        signal: AbortSignal.timeout(managementTimeoutMs),
      });
      return answer.ok ? ((await answer.json()) as T) : undefined;
    } catch {
      return undefined;
    }
  };
}

/** Nothing of bindings that could not be looked at: the processes declare them at every connection. */
async function bindingsFinding(ask: AskManagement, vhost: string): Promise<Finding[]> {
  const rows = await ask<{ destination: string; routing_key: string }[]>(
    `exchanges/${encodeURIComponent(vhost)}/${usersExchange}/bindings/source`,
  );
  if (rows === undefined) return [];
  const bindings = new Set(rows.map(({ destination, routing_key }) => `${destination} ${routing_key}`));
  const missing = userQueues.flatMap(({ queue, bindings: keys }) =>
    keys.filter((key) => !bindings.has(`${queue} ${key}`)).map((key) => `${queue} ← ${key}`),
  );
  const says = missing.length === 0 ? "complete" : `missing: ${missing.join(", ")}`;
  return [okIf(missing.length === 0, "bindings", says, redeclare, ["system", exchangePart])];
}

async function examineTopology(
  connection: ChannelModel,
  retryDelaysMs: readonly number[],
): Promise<Finding[]> {
  const { version } = connection.connection.serverProperties as { version?: string };
  const findings = [ok("RabbitMQ", `version ${version} answers`)];
  const exchange = await ask(connection, (channel) => channel.checkExchange(usersExchange)).then(
    () => true,
    () => false,
  );
  findings.push(okIf(exchange, exchangePart, exchange ? "is there" : "is not there", redeclare, ["system"]));
  for (const spec of userQueues)
    for (const declaration of queueDeclarations(spec, retryDelaysMs))
      findings.push(await queueFinding(connection, spec, declaration));
  return findings;
}

/** The first node of the list that answers is examined. Never rejects. */
export async function examineRabbitMq(
  amqpUrl: string,
  tls: BrokerTls,
  retryDelaysMs: readonly number[],
  peers: Peers | undefined,
): Promise<Finding[]> {
  let fault: unknown;
  for (const node of amqpUrl.split(";")) {
    let connection: ChannelModel | undefined;
    try {
      connection = await amqp.connect(node, {
        ...brokerSocket(tls, node),
        noDelay: true,
        timeout: connectTimeoutMs,
        clientProperties: { connection_name: "mailroster doctor" },
      });
      connection.on("error", () => {}); // shows as the failure of the question
      const ask = managementOf(new URL(node));
      const vhost = vhostOf(new URL(node));
      const names = userQueues.flatMap((spec) =>
        queueDeclarations(spec, retryDelaysMs).map(({ queue }) => queue),
      );
      return [
        ...(await examineTopology(connection, retryDelaysMs)),
        ...(await bindingsFinding(ask, vhost)),
        ...(await examinePeers(ask, peers)),
        ...(await examineCluster(ask, vhost, names, amqpUrl.includes(";"))),
      ];
    } catch (error) {
      fault ??= error;
    } finally {
      await connection?.close().catch(() => {});
    }
  }
  const says = `at ${serverOf(amqpUrl)} ${reasonOf(fault)}`;
  return [
    problem("RabbitMQ", says, "see that it runs, and that AMQP_URL and the user's permissions are right"),
  ];
}
