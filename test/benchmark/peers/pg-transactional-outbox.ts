/** pg-transactional-outbox: an outbox table and a listener, by polling or by replication, that calls a handler for each message. */
import {
  createReplicationMutexConcurrencyController,
  createReplicationSemaphoreConcurrencyController,
  DatabaseSetup,
  getDisabledLogger,
  initializePollingMessageListener,
  initializeReplicationMessageListener,
  type PollingListenerSettings,
  type ReplicationMessageStrategies,
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

const insertMessages = `
insert into peer_outbox (id, aggregate_type, aggregate_id, message_type, payload, metadata)
select gen_random_uuid(), 'user', n::text, 'user_created', ${bodySql}, '{}'::jsonb from generate_series(1, $1::int) n`;

const publication = "peer_publication";
/** Slots are the server's: each has the name of its database. */
const slotOf = (url: string): string => `${new URL(url).pathname.slice(1)}_slot`;

/** Its messages come out of the log, in the order of their commits; `strategies` says how many are handled at once. */
const replicating = (
  name: string,
  strategies: Partial<ReplicationMessageStrategies>,
  max?: number,
): Peer => ({
  name,
  isLogical: true,
  async fill(queue, url, count) {
    const config = { ...names, publication, replicationSlot: slotOf(url) };
    await queue.query(DatabaseSetup.dropAndCreateTable(config));
    await queue.query(DatabaseSetup.setupReplicationCore(config));
    await queue.query("select pg_create_logical_replication_slot($1, 'pgoutput')", [slotOf(url)]);
    await queue.query(insertMessages, [count]);
  },
  async start(connectionString, effects) {
    const [stop] = initializeReplicationMessageListener(
      {
        outboxOrInbox: "outbox",
        dbListenerConfig: { connectionString, ...(max === undefined ? {} : { max }) },
        settings: {
          dbSchema: names.schema,
          dbTable: names.table,
          dbPublication: publication,
          dbReplicationSlot: slotOf(connectionString),
          enableMaxAttemptsProtection: false,
          enablePoisonousMessageProtection: false,
        },
      },
      { handle: ({ payload }) => takeEffect(effects, [payload]) },
      getDisabledLogger(),
      strategies,
    );
    return stop;
  },
});

const peer = (name: string, tuning: Partial<PollingListenerSettings>, max?: number): Peer => ({
  name,
  async fill(queue, _url, count) {
    for (const script of [
      DatabaseSetup.dropAndCreateTable(names),
      DatabaseSetup.createPollingFunction(names),
      DatabaseSetup.setupPollingIndexes(names),
    ])
      await queue.query(script);
    await queue.query(insertMessages, [count]);
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
  // The example of its README: one after the other.
  replicating("pg-transactional-outbox by replication, as documented", {
    concurrencyStrategy: createReplicationMutexConcurrencyController(),
  }),
  // As many at once as there are connections; what order there was is gone.
  replicating(
    "pg-transactional-outbox by replication, tuned",
    { concurrencyStrategy: createReplicationSemaphoreConcurrencyController(25) },
    25,
  ),
];
