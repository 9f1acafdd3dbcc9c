/** A client of socketmap that says exactly what a test wants said. */
import { connect } from "node:net";
import { netstring } from "../../mixins/socketmap/netstrings.ts";

/** What came until the server closed; the client ends its side once it has sent all. */
export function rawSocketmap(port: number, pieces: readonly (string | Buffer)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const parts: Buffer[] = [];
    socket.setNoDelay(true);
    socket.on("data", (part) => parts.push(part));
    socket.once("error", reject);
    socket.once("close", () => resolve(Buffer.concat(parts).toString()));
    for (const piece of pieces) socket.write(piece);
    socket.end();
  });
}

/** The replies to some requests on one connection, sent at once. */
export async function socketmap(port: number, ...requests: readonly string[]): Promise<string[]> {
  const text = Buffer.from(await rawSocketmap(port, [requests.map(netstring).join("")]));
  const replies: string[] = [];
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(":", at);
    const end = colon + 1 + Number(text.toString("utf8", at, colon));
    replies.push(text.toString("utf8", colon + 1, end));
    at = end + 1;
  }
  return replies;
}
