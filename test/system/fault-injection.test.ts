/** A slow and a failing registry, made by an operator at run time, in one process and in three. */
import test, { type ExecutionContext } from "ava";
import { runningSystem, stopsInOrder } from "../support/distributed-system.ts";
import { eventually } from "../support/eventually.ts";
import { type Buckets, bucketsIn, histogramQuantile, increase } from "../support/histogram.ts";
import { joinAsOperator } from "../support/operator.ts";
import { Processes, request } from "../support/processes.ts";
import { createAndFollow, createdUser, createUser, ownAddress } from "../support/system-story.ts";

const reserve = "smtp-registry.reserve";
const delayMs = 500;
const slowCreates = 8;

async function checks(opsUrl: string): Promise<Buckets> {
  return bucketsIn((await request(`${opsUrl}/metrics`)).text, "smtp_check_duration_seconds");
}

interface Urls {
  readonly httpUrl: string;
  /** Of the process that hosts users. */
  readonly opsUrl: string;
}

/** With the delay in force, whatever way it came there. */
async function theQuantileShowsIt(t: ExecutionContext, { httpUrl, opsUrl }: Urls): Promise<void> {
  const before = await checks(opsUrl);
  for (let n = 0; n < slowCreates; n += 1) await createdUser(httpUrl, ownAddress());
  const p99 = histogramQuantile(0.99, increase(before, await checks(opsUrl)));
  t.true(p99 >= delayMs / 1_000, `P99 is ${p99} s`);
}

/** With every reservation failing. */
async function writesAreRefusedWithoutATrace(t: ExecutionContext, httpUrl: string): Promise<string> {
  const address = ownAddress();
  const refused = await createUser(httpUrl, address, { "x-correlation-id": "faulted-1" });
  t.is(refused.status, 503);
  t.truthy(refused.headers.get("retry-after"));
  t.is((await request(`${httpUrl}/smtp/${address}`)).json<{ status: string }>().status, "available");
  t.deepEqual((await request(`${httpUrl}/users?smtp=${address}`)).json<{ items: unknown[] }>().items, []);
  t.deepEqual(
    (await request(`${httpUrl}/audit?correlationId=faulted-1`)).json<{ items: unknown[] }>().items,
    [],
  );
  return address;
}

test.serial(
  "in one process a fault set from the REPL shows in the P99 of the registry's checks",
  async (t) => {
    const processes = new Processes();
    try {
      const env = { DATA_DIR: processes.folder(), FAULT_INJECTION: "true" };
      const system = await processes.start({ env });
      await system.ready();
      await createAndFollow(system.httpUrl);
      const repl = async (commands: string): Promise<string> => {
        const { DATA_DIR } = env;
        const terminal = await processes.start({
          script: "services/commands/repl/main.ts",
          env: { DATA_DIR },
          input: true,
        });
        terminal.write(`${commands}\n`);
        t.is((await terminal.exited()).code, 0, terminal.stderr());
        return terminal.stdout();
      };
      t.regex(await repl(`call fault.set --action ${reserve} --delayMs ${delayMs}`), /delayMs: .*500/);
      await theQuantileShowsIt(t, system);
      t.regex(await repl("call fault.list"), /delayed: .*([89]|\d\d)/);
      await repl(`call fault.set --action ${reserve} --errorRate 1`);
      const address = await writesAreRefusedWithoutATrace(t, system.httpUrl);
      await repl("call fault.clear");
      await createdUser(system.httpUrl, address);
      system.kill("SIGTERM");
      t.is((await system.exited()).code, 0);
      t.deepEqual(processes.running(), []);
    } finally {
      await processes.end();
    }
  },
);

test.serial(
  "in three processes a fault set by an operator reaches the registry's process, and all can be told",
  async (t) => {
    const running = await runningSystem(t, { environment: { FAULT_INJECTION: "true" } });
    const { system, own } = running;
    const operator = await joinAsOperator(own.vhost.url, ["fault", "smtp-registry"]);
    try {
      await eventually(async () => {
        if (Object.keys((await operator.everywhere("fault.list", {})).nodes).length < 3)
          throw new Error("not all");
      });
      const set = await operator.everywhere("fault.set", { action: reserve, delayMs });
      t.like(
        Object.values(set.nodes),
        Array(3).fill([{ action: reserve, delayMs, errorRate: 0, failed: 0 }]),
      );
      const urls = { httpUrl: system.gateway.httpUrl, opsUrl: system.users.opsUrl };
      await theQuantileShowsIt(t, urls);
      const { nodes } = await operator.everywhere("fault.list", {});
      const delayed = Object.values(nodes).map(([fault]) => fault?.delayed ?? 0);
      const [most = 0, ...others] = delayed.sort((one, other) => other - one);
      t.deepEqual(
        [others, most >= slowCreates],
        [[0, 0], true],
        "only the process that carries it out is slow",
      );

      await operator.everywhere("fault.set", { action: reserve, errorRate: 1 });
      const address = await writesAreRefusedWithoutATrace(t, urls.httpUrl);
      await operator.everywhere("fault.set", { action: "users.create", errorRate: 1 });
      await operator.everywhere("fault.clear", { action: reserve });
      await writesAreRefusedWithoutATrace(t, urls.httpUrl);
      await operator.everywhere("fault.set", { action: "smtp-registry.health", errorRate: 1 });
      const ready = await request(`${urls.httpUrl}/health/ready`);
      t.is(ready.status, 503);
      t.like(ready.json(), { checks: { "smtp-registry": { status: "down" } } });
      await operator.everywhere("fault.clear", {});
      await createdUser(urls.httpUrl, address);

      for (const wrong of ["fault.set", "users", "users.fly"])
        await t.throwsAsync(operator.everywhere("fault.set", { action: wrong }), { name: "Refusal" });
      await t.throwsAsync(operator.everywhere("fault.set", { action: reserve, errorRate: 2 }), {
        name: "Refusal",
      });
    } finally {
      await operator.leave();
    }
    await stopsInOrder(t, running);
  },
);

test.serial(
  "without FAULT_INJECTION there is no such service, and on a public address no start",
  async (t) => {
    const processes = new Processes();
    try {
      const refused = await processes.start({ env: { FAULT_INJECTION: "true", HTTP_HOST: "0.0.0.0" } });
      t.is((await refused.exited()).code, 78);
      t.is(refused.stderr(), "FAULT_INJECTION must not be true while HTTP_HOST is not a loopback address\n");
    } finally {
      await processes.end();
    }
  },
);
