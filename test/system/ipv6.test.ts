/** An installation that IPv6 alone leads to: both ports, the databases and RabbitMQ on `::1`. */
import test from "ava";
import { servers } from "../support/distributed-system.ts";
import { eventually } from "../support/eventually.ts";
import { Processes, request, runtimes } from "../support/processes.ts";
import { tcpProxy } from "../support/tcp-proxy.ts";

const loopback = "::1";
const postgresPort = 5432;
const amqpPort = 5672;

for (const runtime of runtimes)
  test.serial(
    `on ${runtime} an installation on ::1 alone starts, serves, and is found by its commands`,
    async (t) => {
      const [own, processes] = [await servers(), new Processes()];
      // In front of the tests' servers, which may have no address but 127.0.0.1.
      const database = await tcpProxy(own.users.url, postgresPort, loopback);
      const broker = await tcpProxy(own.vhost.url, amqpPort, loopback);
      t.teardown(async () => {
        await processes.end();
        for (const resource of [database, broker]) await resource.close();
        await own.drop();
      });
      const env = {
        HTTP_HOST: loopback,
        OPS_HOST: loopback,
        DATABASE_URL: database.through(own.users.url),
        REGISTRY_DATABASE_URL: database.through(own.registry.url),
        AMQP_URL: broker.through(own.vhost.url),
      };
      t.regex(env.DATABASE_URL, /@\[::1\]:\d+\//);
      const system = await processes.start({ env, runtime });
      await system.ready();
      t.regex(system.httpUrl, /^http:\/\/\[::1\]:\d+$/);
      await eventually(() => {
        const banner = system.stderr();
        for (const url of [`${system.opsUrl}/health/ready`, `${system.httpUrl}/docs`])
          if (!banner.includes(url)) throw new Error(`The banner lacks ${url}: ${banner}`);
      });
      const ann = { displayName: "Ann", primarySmtp: "ann@example.com" };
      const headers = { "x-correlation-id": "six" };
      t.is((await request(`${system.httpUrl}/users`, { body: ann, headers })).status, 201);
      t.is((await request(`${system.opsUrl}/health`)).status, 200);

      const run = async (script: string, ...args: string[]) => {
        const { HTTP_PORT = "", OPS_PORT = "" } = system.environment;
        const command = await processes.start({
          script,
          args,
          runtime,
          env: { ...env, HTTP_PORT, OPS_PORT },
        });
        const { code } = await command.exited();
        return { code, output: `${command.stdout()}${command.stderr()}` };
      };
      const doctor = await run("services/commands/doctor/index.ts");
      t.is(doctor.code, 0, doctor.output);
      t.true(doctor.output.includes(`ready at ${system.httpUrl}`), doctor.output);
      const seed = await run("services/commands/seed.ts");
      t.is(seed.code, 0, seed.output);
      await eventually(async () => {
        const trace = await run("services/commands/trace/index.ts", "six");
        if (trace.code !== 0) throw new Error(trace.output);
      });
      system.kill("SIGTERM");
      t.is((await system.exited()).code, 0);
    },
  );
