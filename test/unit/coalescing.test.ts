import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import test from "ava";
import { coalescer, type Outcome } from "../../mixins/coalescing.ts";
import { currentCorrelation, withCorrelation, withCorrelations } from "../../mixins/context/correlation.ts";
import { eventually } from "../support/eventually.ts";
import { testLogger } from "../support/logs.ts";

/** Work that ends when the test says so. */
function gate() {
  const batches: { items: readonly number[]; end: (outcomes: readonly Outcome<string>[]) => void }[] = [];
  const work = (items: readonly number[]) =>
    new Promise<readonly Outcome<string>[]>((end) => {
      batches.push({ items, end });
    });
  const endAll = (index: number) =>
    batches[index]?.end(batches[index].items.map((item) => ({ value: `done ${item}` })));
  return { batches, work, endAll };
}

test("an item starts at once and alone when nothing is under way", (t) => {
  const { batches, work } = gate();
  const ask = coalescer(work, { itemsMax: 10 });
  void ask(1);
  t.deepEqual(
    batches.map(({ items }) => items),
    [[1]],
  );
});

test("with `endOfTurn` all that is asked for in one turn of the event loop goes on together", async (t) => {
  const { batches, work, endAll } = gate();
  const ask = coalescer(work, { itemsMax: 10, endOfTurn: true });
  const answers = [1, 2].map(ask);
  await Promise.resolve();
  answers.push(ask(3));
  t.is(batches.length, 0);
  await new Promise((next) => setImmediate(next));
  endAll(0);
  t.deepEqual(await Promise.all(answers), ["done 1", "done 2", "done 3"]);
  t.deepEqual(
    batches.map(({ items }) => items),
    [[1, 2, 3]],
  );
});

test("what comes while the work is under way goes on together, as many as fit", async (t) => {
  const { batches, work, endAll } = gate();
  const ask = coalescer(work, { itemsMax: 2 });
  const answers = [1, 2, 3, 4].map(ask);
  endAll(0);
  await answers[0];
  endAll(1);
  await answers[2];
  endAll(2);
  t.deepEqual(await Promise.all(answers), ["done 1", "done 2", "done 3", "done 4"]);
  t.deepEqual(
    batches.map(({ items }) => items),
    [[1], [2, 3], [4]],
  );
});

test("what waits behind work that hangs goes on without it, and what comes then goes on together again", async (t) => {
  const { batches, work, endAll } = gate();
  const ask = coalescer(work, { itemsMax: 10 });
  const hung = ask(1);
  const waiting = [2, 3].map(ask);
  await eventually(() => assert.deepEqual(batches[1]?.items, [2, 3]));
  const later = [4, 5].map(ask);
  endAll(0);
  t.is(await hung, "done 1");
  t.is(batches.length, 2, "a piece that has hung begins nothing beside another");
  endAll(1);
  await Promise.all(waiting);
  t.deepEqual(batches[2]?.items, [4, 5]);
  endAll(2);
  t.deepEqual(await Promise.all(later), ["done 4", "done 5"]);
});

test("when all hang, a few pieces run at a time, and the rest goes on with the first that ends", async (t) => {
  const { batches, work, endAll } = gate();
  const ask = coalescer(work, { itemsMax: 1 });
  const answers = [0, 1, 2, 3, 4, 5].map(ask);
  const bound = 4;
  await eventually(() => assert.equal(batches.length, bound));
  // As long as it took for one to be begun behind another, and then as long again.
  for (let turn = 0; turn < 2; turn += 1) {
    const other = gate();
    const elsewhere = coalescer(other.work, { itemsMax: 1 });
    void [0, 1].map(elsewhere);
    await eventually(() => assert.equal(other.batches.length, 2));
  }
  t.is(batches.length, bound);
  endAll(2);
  t.is(await answers[2], "done 2");
  t.deepEqual(batches[bound]?.items, [4]);
  for (const index of [0, 1, 3, 4]) endAll(index);
  await Promise.all(answers.slice(0, bound + 1));
  endAll(5);
  t.is(await answers[5], "done 5");
});

test("each item gets its own outcome, and work that rejects fails its own items only", async (t) => {
  let calls = 0;
  const ask = coalescer<number, string>(
    async (items) => {
      calls += 1;
      await Promise.resolve();
      if (calls === 1) throw new Error("broken");
      return items.map((item) => (item === 3 ? { error: new Error("refused") } : { value: `done ${item}` }));
    },
    { itemsMax: 10 },
  );
  const answers = await Promise.allSettled([1, 2, 3].map(ask));
  t.deepEqual(
    answers.map((answer) => (answer.status === "fulfilled" ? answer.value : answer.reason.message)),
    ["broken", "done 2", "refused"],
  );
});

test("work that throws at once, or tells too few outcomes, leaves nobody waiting", async (t) => {
  const throwing = coalescer<number, string>(
    () => {
      throw new Error("at once");
    },
    { itemsMax: 1 },
  );
  await t.throwsAsync(throwing(1), { message: "at once" });
  await t.throwsAsync(throwing(2), { message: "at once" });
  const mute = coalescer<number, string>(async () => [], { itemsMax: 1 });
  await t.throwsAsync(mute(1), { message: /the work gave none/ });
});

test("the work runs outside of the scope of whoever asks", async (t) => {
  const scope = new AsyncLocalStorage<string>();
  const ask = coalescer<number, string | undefined>(
    async (items) => items.map(() => ({ value: scope.getStore() })),
    { itemsMax: 1 },
  );
  t.is(await scope.run("a request", () => ask(1)), undefined);
});

test("a line of shared work carries the id of each who shares it, once, and of work for one alone its id", async (t) => {
  const lines: Record<string, unknown>[] = [];
  const log = testLogger({ lines });
  const ask = coalescer<number, null>(
    async (items) => {
      await Promise.resolve();
      log.info({ items }, "worked");
      return items.map(() => ({ value: null }));
    },
    { itemsMax: 3 },
  );
  const asking = (correlationId: string, item: number) =>
    withCorrelation({ correlationId, actor: "x" }, () => ask(item));
  await Promise.all([asking("a", 1), asking("b", 2), asking("c", 3), asking("b", 4), asking("d", 5), ask(6)]);
  t.deepEqual(
    lines.map(({ items, correlationId, correlationIds }) => [items, correlationId, correlationIds]),
    [
      [[1], "a", undefined],
      [[2, 3, 4], undefined, ["b", "c"]],
      [[5, 6], "d", undefined],
    ],
  );
});

test("whose work it is gets asked only for a line that is written", (t) => {
  const lines: Record<string, unknown>[] = [];
  const log = testLogger({ lines, level: "info" });
  let asked = 0;
  const idsOf = () => {
    asked += 1;
    return Array.from({ length: 1_000 }, (_, n) => `id-${n}`);
  };
  withCorrelations(idsOf, () => {
    log.debug("not written");
    t.is(asked, 0);
    log.info("written");
    t.is(currentCorrelation(), undefined);
  });
  t.is(asked, 1);
  t.is(new Set(lines[0]?.correlationIds as string[]).size, 256);
});
