/**
 * The reference's relay: one owner, one loop, a batch at a time: read → publish → all confirms → delete. The next
 * batch is read while the broker confirms nothing else, as a careful person would write it by hand.
 */
import { type ConfirmChannel, connect } from "amqplib";
import type pg from "pg";
import { cloudEventsContentType, usersExchange } from "../../../services/contracts/headers.ts";
import * as sql from "./statements.ts";

const batchMax = 500;
const idleMs = 1_000;

interface Row {
  readonly id: string;
  readonly eventId: string;
  readonly type: string;
  readonly correlationId: string;
  readonly body: string;
}

export interface ReferenceRelay {
  nudge(): void;
  stop(): Promise<void>;
}

const publish = (channel: ConfirmChannel, row: Row): void => {
  channel.publish(usersExchange, row.type, Buffer.from(row.body), {
    persistent: true,
    mandatory: true,
    messageId: row.eventId,
    correlationId: row.correlationId,
    type: row.type,
    contentType: cloudEventsContentType,
  });
};

export async function startRelay(pool: pg.Pool, amqpUrl: string): Promise<ReferenceRelay> {
  const connection = await connect(amqpUrl, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  let returned = 0;
  channel.on("return", () => {
    returned += 1;
  });
  let stopped = false;
  let wake: () => void = () => {};
  let nudged = false;
  const sleep = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, idleMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const running = (async () => {
    while (!stopped) {
      nudged = false;
      const { rows } = await pool.query<Row>({ name: "pending", text: sql.pending, values: [batchMax] });
      for (const row of rows) publish(channel, row);
      if (rows.length > 0) {
        await channel.waitForConfirms();
        if (returned > 0) throw new Error(`Cannot relay: ${returned} events were unroutable`);
        const ids = `{${rows.map(({ id }) => id).join(",")}}`;
        await pool.query({ name: "forget", text: sql.forget, values: [ids] });
      } else if (!nudged) await sleep();
    }
  })();
  running.catch((error: unknown) => {
    process.stderr.write(`${error}\n`);
    process.exit(1);
  });
  return {
    nudge() {
      nudged = true;
      wake();
    },
    async stop() {
      stopped = true;
      wake();
      await running;
      await connection.close();
    },
  };
}
