import test from "ava";
import { Errors } from "moleculer";
import { transportFaults } from "../../mixins/moleculer/transport-faults.ts";

type Publish = (packet: unknown) => Promise<unknown>;
const hooks = transportFaults() as unknown as { transitPublish(next: Publish): Publish };
const failing = (error: Error) => hooks.transitPublish(() => Promise.reject(error))({});

test("a publication that fails with its channel is one of a disconnected broker", async (t) => {
  const cause = new Error("Channel ended, no reply will be forthcoming");
  const error = await t.throwsAsync(failing(cause), { instanceOf: Errors.BrokerDisconnectedError });
  t.is(error?.cause, cause);
});

test("what Moleculer says of the connection, and what can't be serialized, stays what it is", async (t) => {
  const disconnected = Reflect.construct(Errors.BrokerDisconnectedError, []) as Error;
  t.is(await t.throwsAsync(failing(disconnected)), disconnected);
  await t.throwsAsync(failing(new TypeError("Do not know how to serialize a BigInt")), {
    instanceOf: TypeError,
  });
});

test("a publication that succeeds is passed through", async (t) => {
  t.is(await hooks.transitPublish((packet) => Promise.resolve(packet))("packet"), "packet");
});
