/**
 * What spans cost when nobody records them: calls through a broker with the tracing middleware and without it, in turns
 * in one process, so that both meet the same machine; the best round of each counts, others had company.
 * Run by hand: `npm exec -c 'node test/benchmark/tracing-cost.ts'`.
 */
import { ServiceBroker } from "moleculer";
import { correlationMiddleware } from "../../mixins/context/correlation.ts";
import { openSpan, SpanKind, tracingMiddleware } from "../../mixins/context/tracing.ts";

const rounds = 300;
const callsPerRound = 4_000;
const opensPerRound = 1_000_000;

function brokerOf(withTracing: boolean): ServiceBroker {
  const broker = new ServiceBroker({
    logger: false,
    middlewares: [...(withTracing ? [tracingMiddleware()] : []), correlationMiddleware()],
  });
  broker.createService({ name: "users", actions: { get: (ctx) => ctx.params } });
  return broker;
}

async function usPerCall(broker: ServiceBroker): Promise<number> {
  const startedAt = performance.now();
  for (let n = 0; n < callsPerRound; n += 1) await broker.call("users.get", { n });
  return ((performance.now() - startedAt) * 1_000) / callsPerRound;
}

const brokers = { with: brokerOf(true), without: brokerOf(false) };
for (const broker of Object.values(brokers)) await broker.start();
const times = { with: [] as number[], without: [] as number[] };
for (let round = 0; round < rounds; round += 1)
  for (const name of round % 2 === 0 ? (["with", "without"] as const) : (["without", "with"] as const))
    times[name].push(await usPerCall(brokers[name]));
for (const broker of Object.values(brokers)) await broker.stop();

const openedAt = performance.now();
for (let n = 0; n < opensPerRound; n += 1)
  openSpan(() => ({ name: "x", kind: SpanKind.INTERNAL, attributes: {} }), undefined);
const nsPerOpen = ((performance.now() - openedAt) * 1e6) / opensPerRound;

const [traced, plain] = [Math.min(...times.with), Math.min(...times.without)];
process.stdout.write(
  `${traced.toFixed(2)} µs a call with, ${plain.toFixed(2)} µs without: ratio ${(traced / plain).toFixed(3)}\n` +
    `${nsPerOpen.toFixed(0)} ns a span that nobody records\n`,
);
