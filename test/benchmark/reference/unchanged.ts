/** The least that an answer of Node costs: 304 to whoever asks. Prints `ready <port>`. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const server = createServer((_req, res) => res.writeHead(304, { etag: '"1"' }).end());
server.listen(0, "127.0.0.1", () =>
  process.stdout.write(`ready ${(server.address() as AddressInfo).port}\n`),
);
process.once("SIGTERM", () => process.exit(0));
