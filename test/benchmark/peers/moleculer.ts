/**
 * Moleculer's own way between two processes, with its AMQP transporter as it comes: events with an effect each, and
 * calls. Its events are at most once: what a receiver had in hand when it died is gone.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { ServiceBroker } from "moleculer";
import type pg from "pg";
import type { Place } from "../harness/place.ts";
import type { Servers } from "../harness/servers.ts";
import { until } from "../harness/settle.ts";
import { startScript } from "../harness/systems.ts";
import { moleculerOptions } from "./moleculer-options.ts";
import { effectsTable } from "./peer.ts";

const callsInFlight = 32;
const bodyChars = 600;
const foundMsMax = 30_000;
/** No effect has come for so long: none will. */
const quietMs = 2_000;

export interface MoleculerPair {
  readonly effects: pg.Pool;
  emit(count: number): Promise<void>;
  /** Calls a second with 32 on their way. */
  calls(seconds: number): Promise<number>;
  /** SIGKILL to the receiver, and another in its place. */
  restartReceiver(): Promise<void>;
  close(): Promise<void>;
}

const countOf = async (effects: pg.Pool): Promise<number> =>
  (await effects.query<{ n: number }>("select count(*)::int as n from effects")).rows[0]?.n ?? 0;

export async function moleculerPair(
  servers: Servers,
  place: Place,
  settings: "default" | "mailroster",
): Promise<MoleculerPair> {
  const effectsUrl = place.usersUrl;
  await place.users.query(`drop table if exists effects; ${effectsTable}`);
  const env = { AMQP_URL: place.amqpUrl, EFFECTS_URL: effectsUrl, SETTINGS: settings };
  const start = () => startScript(servers, "test/benchmark/peers/moleculer-receiver.ts", env);
  let receiver = await start();
  const broker = new ServiceBroker({ ...moleculerOptions(settings, place.amqpUrl), nodeID: "sender" });
  const stop = servers.stops.add(() => broker.stop());
  await broker.start();
  await broker.waitForServices("receiver", foundMsMax);
  return {
    effects: place.users,
    async emit(count) {
      const data = "x".repeat(bodyChars);
      for (let n = 0; n < count; n += 1)
        await broker.emit("user.created", { id: randomUUID(), type: "user.created.v1", data });
    },
    async calls(seconds) {
      const end = performance.now() + seconds * 1_000;
      let answered = 0;
      const caller = async (): Promise<void> => {
        while (performance.now() < end) {
          await broker.call("receiver.echo", { n: answered });
          answered += 1;
        }
      };
      const startedAt = performance.now();
      await Promise.all(Array.from({ length: callsInFlight }, caller));
      return answered / ((performance.now() - startedAt) / 1_000);
    },
    async restartReceiver() {
      process.kill(receiver.pid, "SIGKILL");
      receiver = await start();
    },
    async close() {
      await stop();
      await receiver.stop();
    },
  };
}

/** The share of emitted events that took effect although the receiver was killed with some in hand, in percent. */
export async function arrivedPercent(pair: MoleculerPair, count: number): Promise<number> {
  await pair.effects.query("truncate effects");
  await pair.emit(count);
  await until(async () => (await countOf(pair.effects)) >= count / 10, { everyMs: 20 });
  await pair.restartReceiver();
  let [before, arrived] = [-1, await countOf(pair.effects)];
  while (arrived !== before) {
    await delay(quietMs);
    [before, arrived] = [arrived, await countOf(pair.effects)];
  }
  return (arrived * 100) / count;
}
