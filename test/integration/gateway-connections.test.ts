/** The gateway's server by itself: its connections come from the test, whose addresses are said to be others. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import test, { type ExecutionContext } from "ava";
import { inNetworks } from "../../services/contracts/networks.ts";
import { addressLimits } from "../../services/gateway/http/addresses.ts";
import { defaultLimits, type GatewayLimits } from "../../services/gateway/http/limits.ts";
import { httpServer } from "../../services/gateway/http/server.ts";

async function serve(t: ExecutionContext, own: Partial<GatewayLimits>, addressOf: () => string) {
  const limits = { ...defaultLimits, drainMs: 100, ...own };
  const addresses = addressLimits({ limits, requestsPerMinuteMax: 0, isTrustedProxy: inNetworks([]) });
  const server = httpServer(
    { limits, addresses: { connection: () => addresses.connection(addressOf()) } },
    {
      request: async (_, res) => void res.end("served"),
      malformed: (_, socket) => void socket.destroy(),
    },
  );
  const { port } = await server.listen("127.0.0.1", 0);
  t.teardown(() => server.close());
  return port;
}

interface Asked {
  readonly socket: Socket;
  /** What has come by the time that an answer is there or the connection is closed. */
  readonly answer: string;
}

async function ask(t: ExecutionContext, port: number): Promise<Asked> {
  const socket = connect(port, "127.0.0.1");
  t.teardown(() => void socket.destroy());
  socket.on("error", () => {});
  let answer = "";
  const over = Promise.withResolvers<void>();
  socket.on("data", (chunk) => {
    answer += chunk;
    if (answer.endsWith("served\r\n") || answer.endsWith("served")) over.resolve();
  });
  socket.once("close", () => over.resolve());
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await over.promise;
  return { socket, answer };
}

test("F16: an address beyond its connections is closed unheard, others are served, and what it gives back it has again", async (t) => {
  let address = "192.0.2.1";
  const port = await serve(t, { connectionsPerAddressMax: 3 }, () => address);
  const first = await ask(t, port);
  for (const { answer } of [first, await ask(t, port), await ask(t, port)]) t.regex(answer, /^HTTP\/1.1 200/);
  t.is((await ask(t, port)).answer, "");
  address = "192.0.2.2";
  t.regex((await ask(t, port)).answer, /^HTTP\/1.1 200/);
  address = "192.0.2.1";
  const gone = once(first.socket, "close");
  first.socket.destroy();
  await gone;
  let again = "";
  while (again === "") again = (await ask(t, port)).answer;
  t.regex(again, /^HTTP\/1.1 200/);
});

test("F16: beyond the greatest number of connections no other is taken, and beyond half of it idle ones are told to leave sooner", async (t) => {
  const port = await serve(t, { connectionsMax: 4 }, () => "127.0.0.1");
  const answers = [];
  for (let n = 0; n < 5; n += 1) answers.push((await ask(t, port)).answer);
  for (const answer of answers.slice(0, 2)) t.regex(answer, /Keep-Alive: timeout=65/);
  for (const answer of answers.slice(2, 4)) t.regex(answer, /Keep-Alive: timeout=15/);
  t.is(answers[4], "");
});
