import test from "ava";
import { retry } from "../../mixins/basics/retry.ts";

const pace = { minMs: 1, maxMs: 2 };
const never = new AbortController().signal;

/** Fails until its n-th attempt. */
function failing(until: number) {
  let attempts = 0;
  return {
    attempts: () => attempts,
    async work() {
      attempts += 1;
      if (attempts < until) throw new Error(`attempt ${attempts}`);
      return attempts;
    },
  };
}

test("what the first successful attempt gives is given", async (t) => {
  const failures: number[] = [];
  const mayPass = (_error: unknown, before: number): boolean => failures.push(before) > 0;
  t.is(await retry(failing(3).work, { ...pace, signal: never, mayPass }), 3);
  t.deepEqual(failures, [0, 1]);
});

test("after as many attempts as may be, the last error is told", async (t) => {
  const { work, attempts } = failing(9);
  await t.throwsAsync(retry(work, { ...pace, attemptsMax: 2, signal: never }), { message: "attempt 2" });
  t.is(attempts(), 2);
});

test("an error that does not pass is told at once", async (t) => {
  const { work, attempts } = failing(9);
  await t.throwsAsync(retry(work, { ...pace, signal: never, mayPass: () => false }), {
    message: "attempt 1",
  });
  t.is(attempts(), 1);
});

test("a signal ends the pause, and no attempt follows", async (t) => {
  const stopping = new AbortController();
  const { work, attempts } = failing(9);
  const mayPass = (): boolean => {
    setImmediate(() => stopping.abort(new Error("stopped")));
    return true;
  };
  const patience = { minMs: 3_600_000, maxMs: 3_600_000, signal: stopping.signal, mayPass };
  await t.throwsAsync(retry(work, patience), { message: "stopped" });
  t.is(attempts(), 1);
  await t.throwsAsync(retry(work, patience), { message: "stopped" });
  t.is(attempts(), 1);
});
