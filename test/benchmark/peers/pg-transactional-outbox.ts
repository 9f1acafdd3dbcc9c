/** pg-transactional-outbox: an outbox table and a polling listener that calls a handler for each message. */
import {
  DatabaseSetup,
  getDisabledLogger,
  initializePollingMessageListener,
  type PollingListenerSettings,
} from "pg-transactional-outbox";
import { bodySql, type Peer, takeEffect } from "./peer.ts";

const names = {
  outboxOrInbox: "outbox",
  database: "",
  schema: "public",
  table: "peer_outbox",
  listenerRole: "postgres",
  nextMessagesName: "next_outbox_messages",
} as const;

const tuned: Partial<PollingListenerSettings> = {
  nextMessagesBatchSize: 100,
  nextMessagesPollingIntervalInMs: 10,
};

const peer = (name: string, tuning: Partial<PollingListenerSettings>, max?: number): Peer => ({
  name,
  async fill(queue, _url, count) {
    for (const script of [
      DatabaseSetup.dropAndCreateTable(names),
      DatabaseSetup.createPollingFunction(names),
      DatabaseSetup.setupPollingIndexes(names),
    ])
      await queue.query(script);
    await queue.query(
      `insert into peer_outbox (id, aggregate_type, aggregate_id, message_type, payload, metadata)
       select gen_random_uuid(), 'user', n::text, 'user_created', ${bodySql}, '{}'::jsonb from generate_series(1, $1::int) n`,
      [count],
    );
  },
  async start(connectionString, effects) {
    const [stop] = initializePollingMessageListener(
      {
        outboxOrInbox: "outbox",
        dbListenerConfig: { connectionString, ...(max === undefined ? {} : { max }) },
        settings: {
          dbSchema: names.schema,
          dbTable: names.table,
          nextMessagesFunctionName: names.nextMessagesName,
          enableMaxAttemptsProtection: false,
          enablePoisonousMessageProtection: false,
          ...tuning,
        },
      },
      { handle: ({ payload }) => takeEffect(effects, [payload]) },
      getDisabledLogger(),
    );
    return stop;
  },
});

export const pgTransactionalOutbox = [
  // The example of its README for the polling listener.
  peer("pg-transactional-outbox, as documented", {
    nextMessagesBatchSize: 5,
    nextMessagesPollingIntervalInMs: 250,
  }),
  // Its batches are handled message by message, each in a transaction of its own, as many at once as a batch holds.
  peer("pg-transactional-outbox, tuned", tuned, 25),
];
