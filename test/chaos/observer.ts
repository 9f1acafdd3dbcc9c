/** A consumer from outside: a queue of its own that gets every event, and what has arrived there, in order. */
import { connect } from "amqplib";
import { UserEvent } from "../../services/contracts/events.ts";
import { usersExchange } from "../../services/contracts/headers.ts";
import type { ChaosRabbit } from "./rabbitmq.ts";

const queue = "chaos.observer";
const quietMs = 1_000;

export interface Observer {
  /** Everything that has arrived since the run began, repeats included; reads what is new first. */
  read(): Promise<readonly UserEvent[]>;
}

/** Declares the queue before anything is published; made of what survives a killed broker. */
export async function observe(rabbit: ChaosRabbit): Promise<Observer> {
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
            let quiet = setTimeout(resolve, quietMs);
            const arrived = (content: Buffer | undefined) => {
              clearTimeout(quiet);
              quiet = setTimeout(resolve, quietMs);
              if (content !== undefined) events.push(UserEvent.parse(JSON.parse(content.toString())));
            };
            channel.consume(queue, (message) => arrived(message?.content), { noAck: true }).catch(reject);
          }),
      );
      return events;
    },
  };
}
