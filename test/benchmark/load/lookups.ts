/**
 * Load as Postfix makes it: some connections, on each of them one look-up after the other. As fast as answers come, or so
 * many a second, evenly.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { netstring } from "../../../mixins/socketmap/netstrings.ts";
import { failuresOf, type LoadResult, type LookupOrder } from "./order.ts";

export const lookupConnections = 20;
const comma = 0x2c;

/** Resolves with the first word of the answer, which comes in one piece. */
function ask(socket: Socket, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new Error("The connection was closed before an answer"));
    let text = "";
    const onData = (part: Buffer): void => {
      text += part.toString("latin1");
      if (part.at(-1) !== comma) return;
      socket.off("close", onClose);
      socket.off("data", onData);
      resolve(text.slice(text.indexOf(":") + 1).split(" ", 1)[0] ?? "");
    };
    socket.on("data", onData);
    socket.once("close", onClose);
    socket.write(request);
  });
}

async function open({ hostname, port }: URL): Promise<Socket> {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, "connect");
  socket.on("error", () => {}); // shows as its end
  return socket;
}

/** As statuses of HTTP, of which 2xx are answers: whoever is told to come again later is a failure. */
const statuses: Readonly<Record<string, string>> = { OK: "200 found", NOTFOUND: "204 not found" };

export async function askMaps({ urls: [url = ""], work, pace }: LookupOrder): Promise<LoadResult> {
  if ("amount" in pace) throw new TypeError("Cannot ask maps but for a time");
  const connections = "connections" in pace ? pace.connections : lookupConnections;
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(new URL(url))));
  const requests = work.addresses.map((address) => netstring(`mailboxes ${address}`));
  const counts = new Map<string, number>();
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  const endsAt = startedAt + pace.seconds * 1_000;
  let begun = 0;

  async function converse(socket: Socket): Promise<void> {
    for (;;) {
      const count = begun++;
      const due = "perSecond" in pace ? startedAt + (count * 1_000) / pace.perSecond : performance.now();
      if (due >= endsAt) return;
      const waitMs = due - performance.now();
      if (waitMs > 0) await delay(waitMs);
      const word = await ask(socket, requests[count % requests.length] ?? "");
      const status = statuses[word] ?? word;
      counts.set(status, (counts.get(status) ?? 0) + 1);
      latenciesMs.push(performance.now() - due);
    }
  }

  await Promise.all(sockets.map(converse)).finally(() => {
    for (const socket of sockets) socket.destroy();
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  const answered = [...counts].reduce((sum, [status, n]) => (status.startsWith("2") ? sum + n : sum), 0);
  return {
    perSecond: answered / seconds,
    answered,
    failed: latenciesMs.length - answered,
    failures: failuresOf(counts),
    seconds,
    latenciesMs,
  };
}
