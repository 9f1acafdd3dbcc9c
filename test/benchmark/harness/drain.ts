/**
 * A backlog and its two ways: the relay from the outbox into RabbitMQ, the registry's consumer from RabbitMQ into its
 * database. Rates are read off the commits that the work leaves behind, so its start-up does not count, and looking
 * whether it is done can be cheap and seldom.
 */

import { type Channel, connect } from "amqplib";
import { consumerQueues, consumers } from "../../../services/contracts/consumers.ts";
import type { HostedName } from "../../../services/contracts/services.ts";
import { type Commit, commitsOf } from "./commits.ts";
import { host } from "./hosted.ts";
import type { Place } from "./place.ts";
import { placeFor, type Servers } from "./servers.ts";
import { until } from "./settle.ts";
import { declareQueues } from "./systems.ts";

const pollMs = 200;
const drainMsMax = 3_600_000;

export interface Stage {
  readonly servers: Servers;
  readonly place: Place;
  readonly channel: Channel;
  close(): Promise<void>;
}

/** A place with the system's queues and nobody at work. */
export async function openStage(servers: Servers, name: string): Promise<Stage> {
  const place = await placeFor(servers, name);
  await declareQueues(place.amqpUrl);
  const connection = await connect(place.amqpUrl);
  const close = servers.stops.add(() => connection.close());
  return { servers, place, channel: await connection.createChannel(), close };
}

/** The way of a backlog is over, whoever does the work. */
export const drainedBy = (condition: () => Promise<boolean>): Promise<void> =>
  until(condition, { msMax: drainMsMax, everyMs: pollMs });

const isFound = async ({ place }: Stage, text: string): Promise<boolean> =>
  (await place.users.query(text)).rowCount !== 0;

/** The last row first: while it waits, one look at the end of an index says so, however much is dead before it. */
const outboxIsEmpty = async (stage: Stage): Promise<boolean> =>
  !(await isFound(stage, "select from outbox order by outbox.id desc limit 1")) &&
  !(await isFound(stage, "select from outbox limit 1"));

/** Counting costs more the more is there: only when the queue has nothing more to give. */
export const registryHas = async ({ place, channel }: Stage, count: number): Promise<boolean> => {
  const { messageCount } = await channel.checkQueue(consumers["smtp-registry"].queue);
  if (messageCount > 0) return false;
  const { rows } = await place.registry.query<{ n: number }>("select count(*)::int as n from watermarks");
  return (rows[0]?.n ?? 0) >= count;
};

async function hostUntil(
  { servers, place }: Stage,
  name: HostedName,
  condition: () => Promise<boolean>,
): Promise<void> {
  const hosted = await host(servers, place, [name]);
  try {
    await drainedBy(condition);
  } finally {
    await hosted.stop();
  }
}

/** The relay alone, until the outbox is empty. Resolves with its commits. */
export async function relayDrain(stage: Stage): Promise<Commit[]> {
  await hostUntil(stage, "outbox", () => outboxIsEmpty(stage));
  return commitsOf(stage.place.users, "published_events");
}

/** The registry's consumer alone, until as many users are known. Resolves with its commits. */
export async function consumerDrain(stage: Stage, count: number): Promise<Commit[]> {
  await hostUntil(stage, "smtp-registry", () => registryHas(stage, count));
  return commitsOf(stage.place.registry, "watermarks");
}

export const clearRegistry = ({ place }: Pick<Stage, "place">) =>
  place.registry.query("truncate watermarks, address_history, addresses, suffixes");

export const clearPublished = ({ place }: Pick<Stage, "place">) =>
  place.users.query("truncate published_events");

export async function clearQueues({ channel }: Stage): Promise<void> {
  for (const queue of consumerQueues) await channel.purgeQueue(queue);
}
