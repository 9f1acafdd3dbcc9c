/** Moleculer's transporter against a RabbitMQ that goes away at the wrong moment. */
import { connect } from "amqplib";
import test from "ava";
import { CallTransporter } from "../../mixins/moleculer/call-transporter.ts";
import { testVhost } from "../support/resources.ts";

test("a connection that is lost before its channel's prefetch is set leaves no rejection behind", async (t) => {
  const vhost = await testVhost();
  t.teardown(() => vhost.drop());
  const connection = await connect(vhost.url);
  const channels = [await connection.createChannel(), await connection.createChannel()] as const;
  await connection.close();
  const transporter = new CallTransporter({
    url: [vhost.url],
    socketOptions: { noDelay: true, timeout: 1_000 },
  });
  // As Moleculer does once it has the channel; it handles no rejection of the prefetch.
  Object.assign(transporter, { channel: channels[0] });
  await t.notThrowsAsync(channels[0].prefetch(1));
  await t.throwsAsync(channels[1].prefetch(1), { any: true, message: "Channel closed" });
});
