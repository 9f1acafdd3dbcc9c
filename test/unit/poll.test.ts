/** Looking again, with an end. */
import test from "ava";
import { poll } from "../../mixins/basics/poll.ts";

const longMs = 2 ** 31 - 1;

/** Looks that give 1, 2, 3 … */
function counting() {
  let looks = 0;
  return { looks: () => looks, look: () => ++looks };
}

test("What is enough at the first look is waited for by nobody", async (t) => {
  const { look, looks } = counting();
  t.is(await poll(look, () => true, { everyMs: longMs, maxMs: longMs }), 1);
  t.is(looks(), 1);
});

test("It looks until it is enough", async (t) => {
  const { look } = counting();
  t.is(await poll(look, (state) => state === 3, { everyMs: 1, maxMs: longMs }), 3);
});

test("When the time is over it gives what there is, after a look at the end", async (t) => {
  const { look, looks } = counting();
  t.is(await poll(look, () => false, { everyMs: longMs, maxMs: 0 }), 1);
  t.is(await poll(look, () => false, { everyMs: longMs, maxMs: 2 }), 3);
  t.is(looks(), 3);
});

test("It ends with the reason of its signal, also in the midst of a wait, and with the error of a look", async (t) => {
  const stop = new AbortController();
  const reason = new RangeError("the process is to stop");
  const { look, looks } = counting();
  const pace = { everyMs: longMs, maxMs: longMs, signal: stop.signal };
  const stopping = (): number => {
    setImmediate(() => stop.abort(reason));
    return look();
  };
  t.is(await t.throwsAsync(poll(stopping, () => false, pace)), reason);
  t.is(looks(), 1);
  t.is(await t.throwsAsync(poll(look, () => false, pace)), reason);
  t.is(looks(), 1);
  const failing = (): never => {
    throw new RangeError("can't look");
  };
  await t.throwsAsync(
    poll(failing, () => false, { everyMs: 1, maxMs: longMs }),
    { message: "can't look" },
  );
});
