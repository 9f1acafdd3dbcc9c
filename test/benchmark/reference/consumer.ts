/** The reference's consumer: whatever has come is one batch, one statement, then one acknowledgement for all of it. */
import { type ConsumeMessage, connect } from "amqplib";
import type pg from "pg";

const prefetch = 400;
const batchMax = 200;

export interface ReferenceConsumer {
  stop(): Promise<void>;
}

interface ConsumerOptions {
  readonly amqpUrl: string;
  readonly queue: string;
  readonly pool: pg.Pool;
  readonly name: string;
  readonly text: string;
  /** The row of the batch's JSON that an event becomes. */
  readonly rowOf: (event: ReferenceEvent) => unknown;
}

export interface ReferenceEvent {
  readonly id: string;
  readonly time: string;
  readonly subject: string;
  readonly sequence: number;
  readonly actor: string;
  readonly correlationid: string;
  readonly data: {
    readonly user: { readonly primarySmtp: string };
    readonly changes: readonly unknown[];
  };
}

export async function startConsumer(options: ConsumerOptions): Promise<ReferenceConsumer> {
  const connection = await connect(options.amqpUrl, { noDelay: true });
  const channel = await connection.createChannel();
  await channel.prefetch(prefetch);
  let waiting: ConsumeMessage[] = [];
  let working: Promise<void> | undefined;
  const work = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, batchMax);
      waiting = waiting.slice(batchMax);
      const rows = batch.map(({ content }) =>
        options.rowOf(JSON.parse(content.toString("utf8")) as ReferenceEvent),
      );
      await options.pool.query({ name: options.name, text: options.text, values: [JSON.stringify(rows)] });
      const last = batch.at(-1);
      if (last !== undefined) channel.ack(last, true);
    }
  };
  const failed = (error: unknown): void => {
    process.stderr.write(`${error}\n`);
    process.exit(1);
  };
  const { consumerTag } = await channel.consume(options.queue, (message) => {
    if (message === null) return;
    waiting.push(message);
    working ??= new Promise<void>((resolve) => setImmediate(resolve))
      .then(work)
      .finally(() => {
        working = undefined;
      })
      .catch(failed);
  });
  return {
    async stop() {
      await channel.cancel(consumerTag);
      await working;
      await connection.close();
    },
  };
}
