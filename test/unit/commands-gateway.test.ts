/** A command and the gateway that it asks. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import test from "ava";
import { exitCodes } from "../../services/contracts/exits.ts";
import { root } from "../support/processes.ts";
import { runProgram } from "../support/provision/command.ts";

test("a command looks for its gateway from its start on, and again until it is ready", async (t) => {
  const asked: string[] = [];
  const server = createServer((req, res) => {
    asked.push(req.url ?? "");
    res.statusCode = asked.length === 1 ? 503 : 200;
    res.setHeader("content-type", "application/json");
    res.end(JSON.stringify({ status: asked.length === 1 ? "down" : "up", checks: {} }));
  });
  t.teardown(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const command = ["services/commands/import/index.ts", "missing.csv", "--url", url];
  const { code, stderr } = await runProgram(process.execPath, command, { cwd: root, timeoutMs: 60_000 });
  t.is(code, exitCodes.data, stderr);
  t.deepEqual(asked, ["/health/ready", "/health/ready"]);
});
