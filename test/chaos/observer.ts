/** A consumer from outside: a queue of its own that gets every event, and what has arrived there, in order. */
import { randomUUID } from "node:crypto";
import { type ConsumeMessage, connect } from "amqplib";
import { UserEvent } from "../../services/contracts/events.ts";
import { usersExchange } from "../../services/contracts/headers.ts";
import type { ChaosRabbit } from "./rabbitmq.ts";

const queue = "chaos.observer";

export interface Observer {
  /** Everything that has arrived since the run began, repeats included; reads what is new first. */
  read(): Promise<readonly UserEvent[]>;
}

/** Declares the queue before anything is published; made of what survives a killed broker. */
export async function observe(rabbit: Pick<ChaosRabbit, "url">): Promise<Observer> {
  const events: UserEvent[] = [];
  const withChannel = async (
    work: (channel: Awaited<ReturnType<typeof open>>["channel"]) => Promise<void>,
  ) => {
    const { connection, channel } = await open();
    try {
      await work(channel);
    } finally {
      await connection.close();
    }
  };
  const open = async () => {
    const connection = await connect(rabbit.url, { noDelay: true });
    return { connection, channel: await connection.createChannel() };
  };
  await withChannel(async (channel) => {
    await channel.assertExchange(usersExchange, "topic", { durable: true });
    await channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": "quorum" } });
    await channel.bindQueue(queue, usersExchange, "#");
  });
  return {
    async read() {
      await withChannel(
        (channel) =>
          new Promise<void>((resolve, reject) => {
            // The queue is first in, first out: what was in it comes before the mark.
            const mark = randomUUID();
            const arrived = (message: ConsumeMessage | null): void => {
              if (message === null) reject(new Error("Cannot read the observer's queue: it was deleted"));
              else if (message.properties.messageId === mark) resolve();
              else events.push(UserEvent.parse(JSON.parse(message.content.toString())));
            };
            channel.sendToQueue(queue, Buffer.alloc(0), { persistent: true, messageId: mark });
            channel.consume(queue, arrived, { noAck: true }).catch(reject);
            channel.once("close", () =>
              reject(new Error("Cannot read the observer's queue: its channel closed")),
            );
          }),
      );
      return events;
    },
  };
}
