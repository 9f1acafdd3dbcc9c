/** Waits with an end. */
import test from "ava";
import { TimeoutError, within } from "../../mixins/basics/pause.ts";

const longMs = 2 ** 31 - 1;
const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

test.serial("Work that ends in time is told as it ended, and leaves no timer", async (t) => {
  const before = timers();
  t.is(await within(longMs, "too late", Promise.resolve("done")), "done");
  await t.throwsAsync(within(longMs, "too late", Promise.reject(new RangeError("refused"))), {
    instanceOf: RangeError,
    message: "refused",
  });
  t.is(timers(), before);
});

test.serial(
  "Work that is late is a TimeoutError, and a failure of it that comes later is nobody's",
  async (t) => {
    let fail: (error: Error) => void = () => {};
    const work = new Promise<never>((_resolve, reject) => {
      fail = reject;
    });
    await t.throwsAsync(within(1, "it does not answer", work), {
      instanceOf: TimeoutError,
      name: "TimeoutError",
      message: "it does not answer",
    });
    fail(new Error("as late as that"));
    await new Promise(setImmediate);
  },
);
