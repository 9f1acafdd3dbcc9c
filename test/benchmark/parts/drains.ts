/**
 * A backlog that is there before anybody reads it: the relay from the outbox into RabbitMQ beside a bare confirm
 * publish of the same messages, and the registry's consumer from RabbitMQ into its database beside a bare batching one.
 */
import { connect } from "amqplib";
import { eventProperties } from "../../../mixins/bus/wire.ts";
import { addressKey } from "../../../services/contracts/address.ts";
import { consumers } from "../../../services/contracts/consumers.ts";
import type { UserEvent } from "../../../services/contracts/events.ts";
import { usersExchange } from "../../../services/contracts/headers.ts";
import { commitsOf, rateOf } from "../harness/commits.ts";
import {
  clearPublished,
  clearQueues,
  clearRegistry,
  consumerDrain,
  drainedBy,
  openStage,
  registryHas,
  relayDrain,
  type Stage,
} from "../harness/drain.ts";
import { appendToOutbox, newUserEvents } from "../harness/events.ts";
import { type Outcome, type Part, rowOf } from "../harness/part.ts";
import { interleaved } from "../harness/rounds.ts";
import { startConsumer } from "../reference/consumer.ts";
import * as sql from "../reference/statements.ts";

const rawBatch = 500;

/** Messages a second in batches of 500 with all confirms awaited: what no relay can beat on one channel. */
async function rawPublish({ place }: Stage, events: readonly UserEvent[]): Promise<number> {
  const connection = await connect(place.amqpUrl, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  const messages = events.map(({ id, type, correlationid, ...rest }) => ({
    type,
    properties: eventProperties({ id, type, correlationId: correlationid, body: "" }),
    body: Buffer.from(JSON.stringify({ id, type, correlationid, ...rest })),
  }));
  const startedAt = performance.now();
  for (let from = 0; from < messages.length; from += rawBatch) {
    for (const { type, properties, body } of messages.slice(from, from + rawBatch))
      channel.publish(usersExchange, type, body, properties);
    await channel.waitForConfirms();
  }
  const perSecond = events.length / ((performance.now() - startedAt) / 1_000);
  await connection.close();
  return perSecond;
}

/** Users a second that a bare batching consumer writes into the registry's tables. */
async function bareConsume(stage: Stage, count: number): Promise<number> {
  const consumer = await startConsumer({
    amqpUrl: stage.place.amqpUrl,
    queue: consumers["smtp-registry"].queue,
    pool: stage.place.registry,
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
  await drainedBy(() => registryHas(stage, count));
  await consumer.stop();
  return rateOf(await commitsOf(stage.place.registry, "watermarks"));
}

interface Rates {
  readonly publish: number;
  readonly consume: number;
}

interface Side {
  readonly name: string;
  measure(stage: Stage, count: number): Promise<Rates>;
}

const bare: Side = {
  name: "bare publish, then a bare consumer",
  async measure(stage, count) {
    const publish = await rawPublish(stage, newUserEvents(count));
    return { publish, consume: await bareConsume(stage, count) };
  },
};

const ours: Side = {
  name: "the relay, then the registry's consumer",
  async measure(stage, count) {
    await appendToOutbox(stage.place.users, newUserEvents(count));
    await stage.place.users.query("vacuum analyze outbox");
    const publish = rateOf(await relayDrain(stage));
    return { publish, consume: rateOf(await consumerDrain(stage, count)) };
  },
};

export const drains: Part = {
  name: "drains",
  title: "A backlog: the relay alone, the registry's consumer alone",
  about:
    "A full outbox into RabbitMQ, then a full queue into the registry. The bounds: publishing the same messages in batches of 500 with confirms and nothing else, and a consumer that does one statement for each batch and nothing else.",
  async run(bench): Promise<Outcome> {
    const { backlog } = bench.scale;
    const stage = await openStage(bench.servers, "drains");
    const rates = await interleaved(bench, [bare, ours], async (side) => {
      await clearQueues(stage);
      await clearRegistry(stage);
      await clearPublished(stage);
      return side.measure(stage, backlog);
    });
    await stage.close();
    const of = (side: Side, which: keyof Rates) => rates(side.name).map((round) => round[which]);
    const note = `${backlog} events`;
    const rows = [
      rowOf("bare confirm publish", "/s", of(bare, "publish"), { note }),
      rowOf("relay", "/s", of(ours, "publish"), { reference: of(bare, "publish"), goal: { atLeast: 0.85 } }),
      rowOf("bare batching consumer", "/s", of(bare, "consume"), { note }),
      rowOf("smtp-registry's consumer", "/s", of(ours, "consume"), {
        reference: of(bare, "consume"),
        goal: { atLeast: 0.8 },
      }),
    ];
    return { rows, figures: [] };
  },
};
