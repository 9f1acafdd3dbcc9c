/** The doctor as an operator runs it: its lines, its JSON and its exit code, on both runtimes and both ways to run. */
import test, { type ExecutionContext } from "ava";
import pg from "pg";
import { partsOf, servers, startSystem, stopSystem, systemIsReady } from "../support/distributed-system.ts";
import { fixedPort } from "../support/fixed-port.ts";
import { type Processes as All, Processes, type Runtime, request, runtimes } from "../support/processes.ts";
import { rabbitEval } from "../support/resources.ts";
import { createdUser, ownAddress } from "../support/system-story.ts";

interface Finding {
  readonly status: "ok" | "problem" | "follows" | "unknown";
  readonly part: string;
  readonly says: string;
  readonly todo?: string;
  readonly causes?: readonly string[];
}

interface Visit {
  readonly code: number | null;
  readonly verdict: string;
  readonly findings: readonly Finding[];
  part(name: string): Finding | undefined;
  not(status: Finding["status"]): string[];
}

const script = "services/commands/doctor/index.ts";

async function visit(processes: All, env: Record<string, string>, runtime: Runtime = "node"): Promise<Visit> {
  const doctor = await processes.start({ runtime, script, args: ["--json"], env });
  const { code } = await doctor.exited();
  if (doctor.stdout() === "") throw new Error(doctor.stderr());
  const { verdict, findings } = JSON.parse(doctor.stdout()) as Pick<Visit, "verdict" | "findings">;
  return {
    code,
    verdict,
    findings,
    part: (name) => findings.find(({ part }) => part === name),
    not: (status) =>
      findings.flatMap((finding) => (finding.status === status ? [] : `${finding.part}: ${finding.says}`)),
  };
}

test.serial("the doctor names a misspelt variable and the one that was meant", async (t) => {
  const processes = new Processes();
  try {
    const { part } = await visit(processes, { DATA_DIR: processes.folder(), HTPP_PORT: "3000" });
    t.like(part("configuration"), {
      status: "problem",
      says: "HTPP_PORT is not a variable of mailroster and has no effect: HTTP_PORT is",
    });
  } finally {
    await processes.end();
  }
});

for (const runtime of runtimes)
  test.serial(
    `on ${runtime} the doctor finds an embedded system healthy while it runs, and says when it does not`,
    async (t) => {
      const processes = new Processes();
      try {
        const folder = { DATA_DIR: processes.folder(), SOCKETMAP_PORT: String(await fixedPort()) };
        const stopped = await visit(processes, folder, runtime);
        t.deepEqual([stopped.code, stopped.verdict], [69, "unreachable"]);
        t.regex(stopped.part("system")?.says ?? "", /^no system runs in /);

        const system = await processes.start({ runtime, env: folder });
        await system.ready();
        await createdUser(system.httpUrl, ownAddress());
        // It asks the system where the gateway listens: its HTTP_PORT is not the doctor's.
        const well = await visit(processes, folder, runtime);
        t.deepEqual([well.code, well.verdict, well.not("ok")], [0, "healthy", []]);
        for (const part of [
          "users migrations",
          "registry clock",
          "outbox",
          "gateway",
          "reconciliation",
          "mail look-ups",
        ])
          t.truthy(well.part(part), part);
        const people = await processes.start({ runtime, script, env: system.environment });
        t.is((await people.exited()).code, 0);
        t.is(well.part("gateway")?.says, `ready at ${system.httpUrl}`);
        t.regex(people.stdout(), /^✓ this process[\s\S]*\nhealthy: \d+ ok/);
        system.kill("SIGINT");
        t.is((await system.exited()).code, 0);
        t.deepEqual(processes.running(), []);
      } finally {
        await processes.end();
      }
    },
  );

async function findsEachFault(t: ExecutionContext, processes: All): Promise<void> {
  const own = await servers({ empty: true });
  try {
    const env = {
      AMQP_URL: own.vhost.url,
      DATABASE_URL: own.users.url,
      REGISTRY_DATABASE_URL: own.registry.url,
    };
    const before = await visit(processes, env);
    t.is(before.code, 69);
    t.deepEqual(
      before.findings.flatMap(({ status, part }) => (status === "problem" ? [part] : [])),
      ["system"],
    );
    t.regex(before.part("system")?.says ?? "", /^no process of mailroster is connected to RabbitMQ at /);
    t.regex(before.part("users migrations")?.says ?? "", /pending: Migration/);
    t.is(before.part("queue audit.user-events")?.says, "is not there");

    const grace = { RECONCILE_GRACE_MS: "500" };
    const system = await startSystem(processes, own, own.vhost.url, "node", grace);
    for (const part of partsOf(system)) await part.ready();
    await systemIsReady(system.gateway);
    const user = await createdUser(system.gateway.httpUrl, ownAddress());
    const all = env;
    const well = await visit(processes, all);
    t.deepEqual([well.code, well.not("ok")], [0, []]);
    t.is(well.part("gateway")?.says, `ready at ${system.gateway.httpUrl}`);
    t.is(well.part("queue smtp-registry.user-events")?.says, "0 messages, 1 reader");

    await inDatabase(own.registry.url, "update watermarks set version = 9 where user_id = $1", [user.id]);
    await inDatabase(
      own.users.url,
      `insert into outbox (partition, aggregate_id, event_id, type, correlation_id, body, created_at)
       select -1, gen_random_uuid(), gen_random_uuid(), 'x', 'x', '{}', now() - interval '1 hour'`,
      [],
    );
    const ill = await visit(processes, all);
    t.is(ill.code, 1);
    t.regex(ill.part("reconciliation")?.says ?? "", new RegExp(`registry_ahead 1 among 1 user .*${user.id}`));
    t.regex(ill.part("outbox")?.says ?? "", /^1 event waits, the oldest for 36\d\d s/);
    t.deepEqual(ill.not("ok").length, 2, ill.not("ok").join("\n"));

    system.registry.kill("SIGSTOP");
    const hung = await visit(processes, all);
    system.registry.kill("SIGCONT");
    t.regex(hung.part("gateway")?.says ?? "", /not ready at .*: smtp-registry \(/);
    t.is(hung.part("reconciliation")?.status, "follows", hung.part("reconciliation")?.says);

    system.registry.kill("SIGTERM");
    await system.registry.exited();
    const without = await visit(processes, all);
    t.regex(without.part("services")?.says ?? "", /nobody hosts mail-lookup, smtp-registry/);
    t.regex(without.part("queue smtp-registry.user-events")?.says ?? "", /0 readers/);
    t.deepEqual([without.code, without.not("ok").length > 1], [1, true]);
    const [cause] = without.findings;
    t.deepEqual([cause?.part, cause?.status], ["services", "problem"]);
    t.deepEqual(
      [without.part("gateway")?.status, without.part("gateway")?.causes],
      ["follows", ["services"]],
    );
    t.regex(without.part("gateway")?.says ?? "", /smtp-registry \(.+\)/);
    t.is((await request(`${system.gateway.opsUrl}/health/live`)).status, 200);
    await stopSystem(system);
    await otherArguments(t, processes, own.vhost.url, all);
    t.deepEqual(processes.running(), []);
  } finally {
    await processes.end();
    await own.drop();
  }
}

async function inDatabase(url: string, text: string, values: unknown[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text, values);
  } finally {
    await client.end();
  }
}

async function otherArguments(
  t: ExecutionContext,
  processes: All,
  vhostUrl: string,
  env: Record<string, string>,
): Promise<void> {
  const changed = await visit(processes, { ...env, RETRY_DELAYS_MS: "7000" });
  t.is(changed.part("queue audit.user-events.retry.7s")?.says, "is not there");
  const vhost = new URL(vhostUrl).pathname.slice(1);
  const name = `rabbit_misc:r(<<"${vhost}">>, queue, <<"audit.user-events.retry.1s">>)`;
  await rabbitEval(
    `{ok, Q} = rabbit_amqqueue:lookup(${name}), rabbit_amqqueue:delete(Q, false, false, <<"test">>), ` +
      `rabbit_amqqueue:declare(${name}, true, false, [], none, <<"test">>), ok.`,
  );
  const foreign = await visit(processes, env);
  t.regex(foreign.part("queue audit.user-events.retry.1s")?.says ?? "", /another type or other arguments/);
}

test.serial("of a system over RabbitMQ the doctor finds each fault, and what to do", async (t) => {
  await findsEachFault(t, new Processes());
});

test.serial(
  "servers that can't be reached and a bad variable are problems, told without their values",
  async (t) => {
    const processes = new Processes();
    try {
      const nowhere = await visit(processes, {
        AMQP_URL: "amqp://guest:hunter2@127.0.0.1:1",
        DATABASE_URL: "postgresql://postgres:hunter2@127.0.0.1:1/users",
        REGISTRY_DATABASE_URL: "postgresql://postgres:hunter2@127.0.0.1:1/registry",
      });
      t.is(nowhere.code, 69);
      for (const part of ["users database", "registry database", "RabbitMQ"])
        t.regex(nowhere.part(part)?.says ?? "", /ECONNREFUSED/);
      t.false(JSON.stringify(nowhere.findings).includes("hunter2"));
      const bad = await visit(processes, { RECONCILE_MINUTES: "soon" });
      t.is(bad.code, 78);
      t.regex(bad.part("configuration")?.says ?? "", /^RECONCILE_MINUTES must be/);
    } finally {
      await processes.end();
    }
  },
);
