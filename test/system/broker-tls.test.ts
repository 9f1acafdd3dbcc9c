/** TLS to a real RabbitMQ: both connections of a process, by the same three files. */
import { readFileSync } from "node:fs";
import { createServer } from "node:tls";
import test, { type ExecutionContext } from "ava";
import { type ChaosRabbit, chaosRabbit } from "../chaos/rabbitmq.ts";
import { type Certificates, certificates } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { fixedPort } from "../support/fixed-port.ts";
import { Processes, type Runtime, request, runtimes, type TestProcess } from "../support/processes.ts";
import { testDatabase } from "../support/resources.ts";
import { createAndFollow } from "../support/system-story.ts";

const user = "mailroster_role";
const timeoutMs = 120_000;
let made: Certificates;
let rabbit: ChaosRabbit;
let port = 0;

test.before(async () => {
  made = await certificates("DNS:localhost", [user]);
  port = await fixedPort();
  rabbit = await chaosRabbit({
    plugins: ["rabbitmq_auth_mechanism_ssl"],
    settings: [
      `listeners.ssl.1 = 127.0.0.1:${port}`,
      `ssl_options.cacertfile = ${made.authority}`,
      `ssl_options.certfile = ${made.certificate}`,
      `ssl_options.keyfile = ${made.key}`,
      "ssl_options.verify = verify_peer",
      "ssl_options.fail_if_no_peer_cert = false",
      ...["PLAIN", "EXTERNAL"].map((mechanism, place) => `auth_mechanisms.${place + 1} = ${mechanism}`),
      "ssl_cert_login_from = common_name",
    ],
  });
  await rabbit.start();
  await rabbit.control("add_user", user, "known to nobody");
  await rabbit.control("set_permissions", user, ".*", ".*", ".*");
});
test.after.always(async () => {
  await rabbit.remove();
  made.remove();
});

async function systemWith(
  t: ExecutionContext,
  env: Record<string, string>,
  runtime: Runtime = "node",
): Promise<TestProcess> {
  const [users, registry] = [await testDatabase(), await testDatabase()];
  const processes = new Processes();
  t.teardown(async () => {
    await processes.end();
    for (const database of [users, registry]) await database.drop();
  });
  const databases = { DATABASE_URL: users.url, REGISTRY_DATABASE_URL: registry.url };
  return processes.start({ runtime, env: { ...databases, AMQP_CA_FILE: made.authority, ...env } });
}

/** Of everybody who is connected now: as whom, and how. */
const connections = async (): Promise<string[]> => {
  const listed = await rabbit.control("-q", "list_connections", "--no-table-headers", "user", "ssl");
  return listed.trim().split("\n").sort();
};

test.serial(
  "with a certificate and no password both connections are that certificate's user, and encrypted",
  async (t) => {
    const { certificate, key } = made.client(user);
    const system = await systemWith(t, {
      AMQP_URL: `amqps://localhost:${port}`,
      AMQP_CERT_FILE: certificate,
      AMQP_KEY_FILE: key,
    });
    await system.ready();
    await createAndFollow(system.httpUrl);
    const open = await connections();
    t.true(open.length >= 2, open.join());
    t.deepEqual([...new Set(open)], [`${user}\ttrue`]);
  },
);

for (const runtime of runtimes)
  test.serial(
    `a RabbitMQ of another authority or another name is refused, on ${runtime}, and both connections say why`,
    async (t) => {
      const misnamed = await certificates("DNS:elsewhere.example");
      const [cert, key] = [misnamed.certificate, misnamed.key].map((path) => readFileSync(path));
      // It is left before a word of AMQP is said.
      const front = createServer({ cert, key });
      const frontPort = await fixedPort();
      await new Promise<void>((resolve) => front.listen(frontPort, "127.0.0.1", resolve));
      t.teardown(() => {
        front.close();
        misnamed.remove();
      });
      const refused = async (env: Record<string, string>, says: RegExp) => {
        const system = await systemWith(t, env, runtime);
        await eventually(
          async () => {
            const { status, text } = await request(`${system.opsUrl}/health/ready`);
            const { checks } = JSON.parse(text) as { checks: Record<string, { detail?: string }> };
            for (const name of ["bus", "transporter"])
              if (status !== 503 || !says.test(checks[name]?.detail ?? "")) throw new Error(text);
          },
          { timeoutMs },
        );
      };
      const login = "guest:guest@";
      await refused(
        { AMQP_URL: `amqps://${login}localhost:${port}`, AMQP_CA_FILE: made.stranger },
        /signed by nobody that is trusted, which AMQP_CA_FILE may say/,
      );
      await refused(
        { AMQP_URL: `amqps://${login}localhost:${frontPort}`, AMQP_CA_FILE: misnamed.authority },
        /certificate is for another name than the host of AMQP_URL/,
      );
      t.deepEqual(
        (await connections()).filter((each) => each !== ""),
        [],
      );
    },
  );
