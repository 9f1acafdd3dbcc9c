import { mock } from "node:test";
import test from "ava";
import type { ServiceBroker } from "moleculer";
import { rounds } from "../../mixins/basics/rounds.ts";

const broker = {} as ServiceBroker;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function hosted(round: (broker: ServiceBroker) => Promise<number>) {
  const { started, stopped } = rounds(() => 100, round) as Record<"started" | "stopped", () => unknown>;
  return { start: () => started.call({ broker }), stop: () => stopped.call({ broker }) };
}

test.before(() => mock.timers.enable({ apis: ["setTimeout"] }));
test.after(() => mock.timers.reset());

test.serial("a round follows the end of the one before, after as long as that resolved with", async (t) => {
  let begun = 0;
  let end: (nextMs: number) => void = () => {};
  const service = hosted((given) => {
    t.is(given, broker);
    begun += 1;
    return new Promise((resolve) => {
      end = resolve;
    });
  });
  service.start();
  mock.timers.tick(99);
  t.is(begun, 0);
  mock.timers.tick(1);
  t.is(begun, 1);
  mock.timers.tick(10_000);
  t.is(begun, 1, "never two at a time");
  end(20);
  await turn();
  mock.timers.tick(19);
  t.is(begun, 1);
  mock.timers.tick(1);
  t.is(begun, 2);
});

test.serial("stopping awaits the round under way, and none follows", async (t) => {
  let begun = 0;
  let end: (nextMs: number) => void = () => {};
  const service = hosted(() => {
    begun += 1;
    return new Promise((resolve) => {
      end = resolve;
    });
  });
  service.start();
  mock.timers.tick(100);
  let isStopped = false;
  const stopping = Promise.resolve(service.stop()).then(() => {
    isStopped = true;
  });
  await turn();
  t.false(isStopped);
  end(1);
  await stopping;
  mock.timers.tick(10_000);
  t.is(begun, 1);
});

test.serial("what is stopped before its first round begins none, and can be started again", async (t) => {
  let begun = 0;
  const service = hosted(async () => {
    begun += 1;
    return 100;
  });
  service.start();
  await service.stop();
  mock.timers.tick(10_000);
  t.is(begun, 0);
  service.start();
  mock.timers.tick(100);
  await turn();
  t.is(begun, 1);
});
