/** Whether RabbitMQ lets this process do what a node of the system does, and if not, why. */
import amqp, { type ChannelModel } from "amqplib";
import { within } from "../../mixins/basics/pause.ts";
import { blockedText } from "../../mixins/bus/broker-text.ts";
import { brokerSocket } from "../../mixins/bus/broker-tls.ts";
import type { BrokerTls } from "../contracts/broker-tls.ts";

const closeTimeoutMs = 500;

/** Sends itself a message through a queue that is named, and so permitted or refused, as those of Moleculer's calls are. */
async function useAsNode(connection: ChannelModel, nodeId: string): Promise<void> {
  const blocked = new Promise<never>((_resolve, reject) => {
    connection.once("blocked", (reason: string) => reject(new Error(blockedText(reason))));
    connection.once("error", reject);
  });
  const queue = `MOL-mailroster.PROBE.${nodeId}`;
  const exchange = async (): Promise<void> => {
    const channel = await connection.createChannel();
    const refused = new Promise<never>((_resolve, reject) => channel.once("error", reject));
    const ask = async (): Promise<void> => {
      await channel.assertQueue(queue, { exclusive: true, durable: false, autoDelete: true });
      channel.sendToQueue(queue, Buffer.of());
      await channel.consume(queue, () => {}, { noAck: true });
    };
    await Promise.race([ask(), refused]);
  };
  await Promise.race([exchange(), blocked]);
}

async function probe(node: string, nodeId: string, timeoutMs: number, tls: BrokerTls): Promise<string> {
  const connection = await amqp.connect(node, {
    ...brokerSocket(tls, node),
    noDelay: true,
    timeout: timeoutMs,
    clientProperties: { connection_name: `mailroster ${nodeId}` },
  });
  try {
    await useAsNode(connection, nodeId);
    return node;
  } finally {
    connection.on("error", () => {}); // has shown as the failure of the probe
    await within(closeTimeoutMs, "too late", connection.close()).catch(() => {});
  }
}

/** The URL with the nodes that can be used first. Rejects with what the first one said when none can. */
export async function reachableFirst(
  amqpUrl: string,
  nodeId: string,
  timeoutMs: number,
  tls: BrokerTls,
): Promise<string> {
  const nodes = amqpUrl.split(";");
  const tried = nodes.map((node) => within(timeoutMs, "too late", probe(node, nodeId, timeoutMs, tls)));
  try {
    const first = await Promise.any(tried);
    return [first, ...nodes.filter((node) => node !== first)].join(";");
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  }
}
