/** What the ops port tells whom, and that it waits for nobody, on either runtime. */
import { connect, type Socket } from "node:net";
import test from "ava";
import { eventually } from "../support/eventually.ts";
import { Processes, request, runtimes, type TestProcess } from "../support/processes.ts";

const token = "0123456789abcdef0123456789abcdef";
const connectionsMax = 20;

const statusOf = async (url: string, authorization?: string) => {
  const answer = await request(url, authorization === undefined ? {} : { headers: { authorization } });
  return { status: answer.status, answer };
};

/** Of a broker that is not there: the port answers from the first moment of a start. */
const environment = { SERVICES: "gateway", AMQP_URL: "amqp://127.0.0.1:1" };

async function answers(process: TestProcess): Promise<void> {
  await eventually(() => request(`${process.opsUrl}/health/live`));
}

/** An open connection that says nothing; or undefined when the server closes it at once. */
function open(port: number): Promise<Socket | undefined> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {}); // shows as closed
  socket.write("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
  return new Promise((resolve) => {
    socket.once("data", () => resolve(socket));
    socket.once("close", () => resolve(undefined));
  });
}

for (const runtime of runtimes)
  test.serial(
    `off loopback, on ${runtime}, who has no token learns whether a process is well, and no more`,
    async (t) => {
      const processes = new Processes();
      try {
        const gateway = await processes.start({
          runtime,
          env: { ...environment, OPS_HOST: "0.0.0.0", OPS_TOKEN: token },
        });
        await answers(gateway);
        t.deepEqual((await request(`${gateway.opsUrl}/health/live`)).json(), { status: "up", checks: {} });
        for (const authorization of [
          undefined,
          "Bearer wrong",
          `Basic ${token}`,
          "Bearer",
          `Bearer ${token}0`,
        ]) {
          const { status, answer } = await statusOf(`${gateway.opsUrl}/metrics`, authorization);
          t.is(status, 401, authorization);
          t.is(answer.headers.get("www-authenticate"), 'Bearer realm="mailroster"');
          t.is(answer.headers.get("x-content-type-options"), "nosniff");
          t.like(answer.json<object>(), { type: "/problems/unauthenticated", status: 401 });
          const health = await statusOf(`${gateway.opsUrl}/health/ready`, authorization);
          t.deepEqual(Object.keys(health.answer.json<object>()), ["status"]);
        }
        const metrics = await statusOf(`${gateway.opsUrl}/metrics`, `Bearer ${token}`);
        t.is(metrics.status, 200);
        t.true(metrics.answer.text.includes("process_start_time_seconds"));
        const health = await statusOf(`${gateway.opsUrl}/health/ready`, `bearer  ${token}`);
        t.deepEqual(Object.keys(health.answer.json<object>()), ["status", "checks"]);
      } finally {
        await processes.end();
      }
    },
  );

for (const runtime of runtimes)
  test.serial(
    `more than ${connectionsMax} connections to the ops port are closed at once, on ${runtime}`,
    async (t) => {
      const processes = new Processes();
      const sockets: Socket[] = [];
      try {
        const gateway = await processes.start({ runtime, env: environment });
        await answers(gateway);
        const port = Number(new URL(gateway.opsUrl).port);
        for (let asked = 0; asked < 2 * connectionsMax; asked += 1) {
          const socket = await open(port);
          if (socket !== undefined) sockets.push(socket);
        }
        t.true(sockets.length <= connectionsMax, String(sockets.length));
        t.true(sockets.length >= connectionsMax - 2);
        sockets.pop()?.destroy();
        await eventually(async () => {
          const socket = await open(port);
          if (socket === undefined) throw new Error("No connection is free");
          sockets.push(socket);
        });
        t.pass();
      } finally {
        for (const socket of sockets) socket.destroy();
        await processes.end();
      }
    },
  );

test.serial(
  "off loopback a start without a token for the ops port is refused in one sentence, whatever HTTP_HOST is",
  async (t) => {
    const processes = new Processes();
    try {
      const refused = await processes.start({ env: { ...environment, OPS_HOST: "0.0.0.0" } });
      t.is((await refused.exited()).code, 78);
      t.is(
        refused.stderr(),
        "OPS_TOKEN_FILE is missing: OPS_HOST is no loopback address (INSECURE_BIND=true lets whoever reaches it see all)\n",
      );
    } finally {
      await processes.end();
    }
  },
);
