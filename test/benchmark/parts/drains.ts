/**
 * A backlog that is there before anybody reads it: the relay from the outbox into RabbitMQ beside a bare confirm
 * publish of the same messages, and the registry's consumer from RabbitMQ into its database beside a bare batching one.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type Channel, connect } from "amqplib";
import pg from "pg";
import { declareTopology, userQueues } from "../../../mixins/bus/topology.ts";
import { eventProperties } from "../../../mixins/bus/wire.ts";
import { addressKey } from "../../../services/contracts/address.ts";
import type { UserEvent } from "../../../services/contracts/events.ts";
import { queueName, usersExchange } from "../../../services/contracts/headers.ts";
import { appendToOutbox, newUserEvents } from "../harness/events.ts";
import { host } from "../harness/hosted.ts";
import type { Bench, Part, Row } from "../harness/part.ts";
import { type Place, placeFor } from "../harness/servers.ts";
import { ratioOf, sampleOf } from "../harness/stats.ts";
import { startConsumer } from "../reference/consumer.ts";
import * as sql from "../reference/statements.ts";

const backlog = 20_000;
const rawBatch = 500;
const pollMs = 10;
const drainMsMax = 300_000;

interface Stage {
  readonly place: Place;
  readonly users: pg.Pool;
  readonly registry: pg.Pool;
  readonly channel: Channel;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + drainMsMax;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error("Cannot measure: the backlog does not drain");
    await delay(pollMs);
  }
}

async function rate(count: number, work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return count / ((performance.now() - startedAt) / 1_000);
}

const isEmpty = (pool: pg.Pool, table: string) => async (): Promise<boolean> =>
  (await pool.query(`select 1 from ${table} limit 1`)).rowCount === 0;

const hasWatermarks = (pool: pg.Pool, count: number) => async (): Promise<boolean> =>
  Number((await pool.query<{ n: string }>("select count(*) as n from watermarks")).rows[0]?.n) >= count;

async function emptyQueues({ channel }: Stage): Promise<void> {
  for (const queue of Object.values(queueName)) await channel.purgeQueue(queue);
}

/** As fast as batches of 500 with all confirms awaited go: what no relay can beat on one channel. */
async function rawPublish({ place }: Stage, events: readonly UserEvent[]): Promise<number> {
  const connection = await connect(place.amqpUrl, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  const messages = events.map((event) => ({
    event,
    properties: eventProperties({
      id: event.id,
      type: event.type,
      correlationId: event.correlationid,
      body: "",
    }),
    body: JSON.stringify(event),
  }));
  const perSecond = await rate(events.length, async () => {
    for (let from = 0; from < messages.length; from += rawBatch) {
      for (const { event, properties, body } of messages.slice(from, from + rawBatch))
        channel.publish(usersExchange, event.type, Buffer.from(body), properties);
      await channel.waitForConfirms();
    }
  });
  await connection.close();
  return perSecond;
}

async function relayDrain(stage: Stage, events: readonly UserEvent[]): Promise<number> {
  await appendToOutbox(stage.users, events);
  await stage.users.query("vacuum analyze outbox");
  let relay: Awaited<ReturnType<typeof host>> | undefined;
  const perSecond = await rate(events.length, async () => {
    relay = await host(stage.place, ["outbox"]);
    await until(isEmpty(stage.users, "outbox"));
  });
  await relay?.stop();
  return perSecond;
}

async function bareConsume(stage: Stage, count: number): Promise<number> {
  let consumer: Awaited<ReturnType<typeof startConsumer>> | undefined;
  const perSecond = await rate(count, async () => {
    consumer = await startConsumer({
      amqpUrl: stage.place.amqpUrl,
      queue: queueName.smtpRegistry,
      pool: stage.registry,
      name: "project",
      text: sql.project,
      rowOf: ({ subject, sequence, time, data }) => ({
        user_id: subject,
        version: sequence,
        key: addressKey(data.user.primarySmtp),
        address: data.user.primarySmtp,
        at: time,
      }),
    });
    await until(hasWatermarks(stage.registry, count));
  });
  await consumer?.stop();
  return perSecond;
}

async function consumerDrain(stage: Stage, count: number): Promise<number> {
  let hosted: Awaited<ReturnType<typeof host>> | undefined;
  const perSecond = await rate(count, async () => {
    hosted = await host(stage.place, ["smtp-registry"]);
    await until(hasWatermarks(stage.registry, count));
  });
  await hosted?.stop();
  return perSecond;
}

const clear = ({ registry }: Stage) =>
  registry.query("truncate watermarks, address_history, addresses, suffixes");

interface Measured {
  readonly raw: number[];
  readonly relay: number[];
  readonly bare: number[];
  readonly consumer: number[];
}

async function round(bench: Bench, stage: Stage, into: Measured | undefined): Promise<void> {
  const events = newUserEvents(backlog);
  bench.progress("bare publish, then the bare consumer");
  await emptyQueues(stage);
  const raw = await rawPublish(stage, events);
  await clear(stage);
  const bare = await bareConsume(stage, backlog);
  bench.progress("the relay, then the registry's consumer");
  await emptyQueues(stage);
  await clear(stage);
  const relay = await relayDrain(stage, events);
  const consumer = await consumerDrain(stage, backlog);
  into?.raw.push(raw);
  into?.bare.push(bare);
  into?.relay.push(relay);
  into?.consumer.push(consumer);
}

export const drains: Part = {
  name: "drains",
  title: `A backlog of ${backlog}: the relay alone, the registry's consumer alone`,
  async run(bench) {
    const place = await placeFor(bench.servers, "drains");
    const connection = await connect(place.amqpUrl);
    const channel = await connection.createChannel();
    await declareTopology(channel, userQueues, [1_000]);
    const stage: Stage = {
      place,
      channel,
      users: new pg.Pool({ connectionString: place.usersUrl, max: 2 }),
      registry: new pg.Pool({ connectionString: place.registryUrl, max: 2 }),
    };
    const measured: Measured = { raw: [], relay: [], bare: [], consumer: [] };
    try {
      for (let index = 0; index <= bench.rounds; index += 1) {
        bench.progress(index === 0 ? "warm-up" : `round ${index}`);
        await round(bench, stage, index === 0 ? undefined : measured);
      }
    } finally {
      await connection.close();
      await Promise.all([stage.users.end(), stage.registry.end()]);
    }
    const row = (what: string, values: number[]): Row => ({ what, unit: "/s", sample: sampleOf(values) });
    return [
      row("bare confirm publish, batches of 500", measured.raw),
      {
        ...row("relay", measured.relay),
        ratio: ratioOf(measured.relay, measured.raw),
        goal: { atLeast: 0.85 },
        note: "its start is within the measured time",
      },
      row("bare batching consumer", measured.bare),
      {
        ...row("smtp-registry's consumer", measured.consumer),
        ratio: ratioOf(measured.consumer, measured.bare),
        goal: { atLeast: 0.8 },
      },
    ];
  },
};
