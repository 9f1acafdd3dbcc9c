/** The listener: framing on a real socket, order, half-closed clients, the stop. */

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import test, { type ExecutionContext } from "ava";
import { type SocketmapOptions, socketmapServer } from "../../mixins/socketmap/server.ts";
import { rawSocketmap, socketmap } from "../support/socketmap.ts";

/** It stops with the test, however that ends. */
async function serve(t: ExecutionContext, more: Partial<SocketmapOptions> = {}) {
  const server = socketmapServer({
    variable: "SOCKETMAP_PORT",
    host: "127.0.0.1",
    port: 0,
    allows: () => false,
    answer: async (request) => (request === undefined ? "NOTFOUND " : `OK ${request}`),
    ...more,
  });
  const { started, stopped } = server.mixin as Record<"started" | "stopped", () => Promise<void>>;
  await started();
  t.teardown(stopped);
  return { port: (server.address() as AddressInfo).port, stop: stopped };
}

test("pipelined requests are answered in order, whichever is known first, and a half-closed client gets them all", async (t) => {
  const held: (() => void)[] = [];
  const { port, stop } = await serve(t, {
    limits: { inHandMax: 2 },
    answer: (request) =>
      new Promise((resolve) => {
        held.push(() => resolve(`OK ${request}`));
        // The later of two is known first.
        if (held.length === 2) for (const tell of held.splice(0).toReversed()) tell();
      }),
  });
  const requests = Array.from({ length: 40 }, (_, index) => `mailboxes ${index}@example.com`);
  t.deepEqual(
    await socketmap(port, ...requests),
    requests.map((request) => `OK ${request}`),
  );
  await stop();
});

test("a request longer than any address is not found, one that is no netstring ends the connection", async (t) => {
  const { port, stop } = await serve(t);
  t.deepEqual(await socketmap(port, `aliases ${"a".repeat(99_000)}`, "aliases b"), [
    "NOTFOUND ",
    "OK aliases b",
  ]);
  for (const nonsense of ["x", ":", "1:ab,", "0001:a,", "200000:", "1234567:", "GET / HTTP/1.1\r\n"])
    t.is(await rawSocketmap(port, ["1:a,", nonsense]), "4:OK a,", nonsense);
  t.is(await rawSocketmap(port, ["1:a,5:half"]), "4:OK a,");
  await stop();
});

test("half a request and silence end a connection", async (t) => {
  const { port, stop } = await serve(t, { limits: { requestMs: 20, idleMs: 20 } });
  for (const begun of ["", "9:half"]) {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.write(begun);
    await once(socket.resume(), "close");
  }
  t.pass();
  await stop();
});

/** One by which this machine is reached as another would be; a machine without any network has none. */
const ownAddress = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

test("who comes by another way than loopback is answered where its network is allowed, else cut off", async (t) => {
  if (ownAddress === undefined) {
    t.log("NOT TESTED: this machine has no address but loopback");
    t.pass();
    return;
  }
  for (const isAllowed of [false, true]) {
    const seen: (string | undefined)[] = [];
    const allows = (address: string | undefined): boolean => {
      seen.push(address);
      return isAllowed;
    };
    const { port, stop } = await serve(t, { host: "0.0.0.0", allows });
    const socket = connect({ port, host: ownAddress });
    socket.end("1:a,");
    let told = "";
    socket.on("data", (data) => {
      told += data;
    });
    // What was sent to who does not read it may come back as a reset.
    socket.on("error", () => undefined);
    await once(socket, "close");
    t.is(told, isAllowed ? "4:OK a," : "");
    t.deepEqual(seen, [ownAddress]);
    t.deepEqual(await socketmap(port, "a"), ["OK a"], "this machine is always let in");
    await stop();
  }
});

test("a stop answers what was asked, leaves no connection and takes no other", async (t) => {
  let answer: (text: string) => void = () => {};
  let asked: () => void = () => {};
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const { port, stop } = await serve(t, {
    answer: () => {
      asked();
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
  });
  const idle = connect({ port, host: "127.0.0.1" });
  await once(idle, "connect");
  const reply = socketmap(port, "aliases a");
  await isAsked;
  const stopped = stop();
  await once(idle.resume(), "close");
  answer("OK a");
  t.deepEqual(await reply, ["OK a"]);
  await stopped;
  await t.throwsAsync(socketmap(port, "aliases a"), { code: "ECONNREFUSED" });
});
