/** An HTTP server that answers as it is told, one request after the other, and remembers what it was asked. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ExecutionContext } from "ava";

export interface Scripted {
  readonly url: string;
  readonly asked: readonly {
    readonly method: string;
    readonly path: string;
    readonly headers: IncomingMessage["headers"];
  }[];
}

export type Reply = (res: ServerResponse, path: string) => void;

export const json =
  (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Reply =>
  (res) =>
    void res.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));

/** Nothing comes. */
export const cut: Reply = (res) => void res.destroy();

/** Half of it comes. */
export const cutInBody: Reply = (res) => {
  res.writeHead(201, { "content-type": "application/json", "content-length": "100" });
  res.write('{"id":', () => res.destroy());
};

/** Each once; the last for all that come later. */
export async function scripted(t: ExecutionContext, replies: readonly Reply[]): Promise<Scripted> {
  const asked: Scripted["asked"][number][] = [];
  const server = createServer((req, res) => {
    const reply = replies[Math.min(asked.length, replies.length - 1)];
    asked.push({ method: req.method ?? "", path: req.url ?? "", headers: req.headers });
    req.resume();
    req.once("end", () => reply?.(res, req.url ?? ""));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}
