/** One request is one trace, from the client's header to both consumers, seen by a real collector. */
import { strict as assert } from "node:assert";
import test, { type ExecutionContext } from "ava";
import { runningSystem, stopsInOrder } from "../support/distributed-system.ts";
import { eventually } from "../support/eventually.ts";
import { type CollectedSpan, type Collector, otlpCollector } from "../support/otlp-collector.ts";
import { Processes, request, runtimes } from "../support/processes.ts";
import { createdUser, ownAddress } from "../support/system-story.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const callersSpan = "00f067aa0ba902b7";
const exportTimeoutMs = 30_000;

type Where = "in one process" | "over RabbitMQ";

/** Each span as `kind name`, below the one it belongs to. */
function treeOf(spans: readonly CollectedSpan[], parent: string): Record<string, object> {
  const children = spans.filter(({ parentSpanId }) => parentSpanId === parent);
  return Object.fromEntries(
    children.map(({ kind, name, spanId }) => [`${kind} ${name}`, treeOf(spans, spanId)] as const),
  );
}

const events = {
  "producer send mailroster.users": {},
  "consumer process smtp-registry.user-events": {},
  "consumer process audit.user-events": {},
};

const expected: Record<Where, object> = {
  "in one process": {
    "server POST /users": {
      "internal users.create": { "internal smtp-registry.reserve": {}, ...events },
    },
  },
  "over RabbitMQ": {
    "server POST /users": {
      "client users.create": {
        "server users.create": {
          "client smtp-registry.reserve": { "server smtp-registry.reserve": {} },
          ...events,
        },
      },
    },
  },
};

async function createTraced(url: string, correlationId: string): Promise<void> {
  await eventually(async () => {
    const answer = await request(`${url}/users`, {
      body: { displayName: "Ann Example", primarySmtp: ownAddress() },
      headers: {
        traceparent: `00-${traceId}-${callersSpan}-01`,
        tracestate: "vendor=opaque",
        "x-correlation-id": correlationId,
      },
    });
    if (answer.status !== 201) throw new Error(answer.text);
  });
}

async function oneTrace(t: ExecutionContext, collector: Collector, url: string, where: Where): Promise<void> {
  await createTraced(url, "traced-1");
  const ours = () => collector.spans.filter((span) => span.traceId === traceId);
  const tree = () => treeOf(ours(), callersSpan);
  // The processes export one after the other.
  await eventually(() => assert.deepEqual(tree(), expected[where]), { timeoutMs: exportTimeoutMs });
  t.deepEqual(tree(), expected[where]);
  const named = (name: string) => ours().find((span) => span.name === name);
  t.like(named("POST /users"), {
    failed: false,
    attributes: { "http.route": "/users", "http.request.method": "POST", "url.scheme": "http" },
  });
  t.is(Number(named("POST /users")?.attributes["http.response.status_code"]), 201);
  t.like(named("users.create"), {
    attributes: { "rpc.system.name": "moleculer", "rpc.method": "users.create" },
  });
  const system = where === "in one process" ? "in-process" : "rabbitmq";
  t.like(named("send mailroster.users"), {
    attributes: {
      "messaging.system.name": system,
      "messaging.operation.type": "send",
      "messaging.rabbitmq.destination.routing_key": "user.created.v1",
      "messaging.message.conversation_id": "traced-1",
    },
  });
  t.notRegex(collector.text(), /Ann|ann\.|example\.com|%40/, "no span holds personal data");
}

for (const runtime of runtimes)
  test.serial(`on ${runtime} one request in one process is one trace`, async (t) => {
    const processes = new Processes();
    const collector = await otlpCollector();
    try {
      const system = await processes.start({
        runtime,
        env: { DATA_DIR: processes.folder(), OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
      });
      await system.ready();
      await oneTrace(t, collector, system.httpUrl, "in one process");
      await request(`${system.httpUrl}/smtp/${ownAddress()}`);
      system.kill("SIGTERM");
      t.is((await system.exited()).code, 0);
      t.true(
        collector.spans.some(({ name }) => name === "GET /smtp/:address"),
        "what was not sent yet is sent when the process ends",
      );
      t.notRegex(collector.text(), /ann\.|example\.com/);
    } finally {
      await processes.end();
      await collector.close();
    }
  });

test.serial("one request through three processes over RabbitMQ is one trace", async (t) => {
  const collector = await otlpCollector();
  t.teardown(() => collector.close());
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/` };
  const running = await runningSystem(t, { environment });
  await oneTrace(t, collector, running.system.gateway.httpUrl, "over RabbitMQ");
  const spans = collector.spans.filter((span) => span.traceId === traceId);
  t.is(new Set(spans.map(({ instance }) => instance)).size, 3);
  await stopsInOrder(t, running);
});

test.serial("a collector that is away costs nothing but the spans, and holds up no stop", async (t) => {
  const processes = new Processes();
  const collector = await otlpCollector();
  await collector.close();
  try {
    const system = await processes.start({
      env: { DATA_DIR: processes.folder(), OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
    });
    await system.ready();
    await createdUser(system.httpUrl, ownAddress());
    await eventually(
      () => {
        const told = system.logs().find(({ msg }) => msg === "spans can't be exported");
        if (told === undefined) throw new Error("nobody is told");
        t.is(told.service, "tracing");
      },
      { timeoutMs: exportTimeoutMs },
    );
    system.kill("SIGTERM");
    t.is((await system.exited()).code, 0);
    t.deepEqual(processes.running(), []);
  } finally {
    await processes.end();
  }
});
