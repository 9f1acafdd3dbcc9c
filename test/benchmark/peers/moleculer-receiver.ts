/**
 * The other side of Moleculer's own events and calls, as a process that can be killed. `SETTINGS` is `default`
 * (the transporter as it comes, given by its URL) or `mailroster` (ours). Prints `ready 0` when it is connected.
 */
import { type BrokerOptions, ServiceBroker } from "moleculer";
import pg from "pg";
import { moleculerOptions } from "./moleculer-options.ts";
import { takeEffect } from "./peer.ts";

const { AMQP_URL = "", EFFECTS_URL, SETTINGS = "default" } = process.env;
const effects = new pg.Pool({ connectionString: EFFECTS_URL, max: 10 });
const options: BrokerOptions = { ...moleculerOptions(SETTINGS, AMQP_URL), nodeID: "receiver" };
const broker = new ServiceBroker(options);
broker.createService({
  name: "receiver",
  actions: { echo: (ctx) => ctx.params },
  events: { "user.created": (ctx: { params: unknown }) => takeEffect(effects, [ctx.params]) },
});
await broker.start();
process.once("SIGTERM", async () => {
  await broker.stop();
  await effects.end();
});
process.stdout.write("ready 0\n");
