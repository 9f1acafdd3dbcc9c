import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import test from "ava";
import { httpServer } from "../../services/gateway/http/server.ts";
import { defaultLimits } from "../../services/gateway/index.ts";

test("what comes malformed behind a request is told with the answer that is under way there", async (t) => {
  const begun: ServerResponse[] = [];
  const told = Promise.withResolvers<ServerResponse | undefined>();
  const server = httpServer(
    { limits: defaultLimits, addresses: { connection: () => () => {} } },
    {
      async request(_req, res) {
        begun.push(res);
        res.writeHead(200);
        res.write("a first line\n");
      },
      malformed(_problem, socket, res) {
        socket.destroy();
        told.resolve(res);
      },
    },
  );
  const { port } = await server.listen("127.0.0.1", 0);
  const client = connect(port, "127.0.0.1");
  client.on("error", () => {});
  client.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  client.once("data", () => client.write("no request at all\r\n\r\n"));
  const res = await told.promise;
  t.truthy(res);
  t.is(res, begun[0]);
  client.destroy();
  await server.close();
});
