import test from "ava";
import type { Database } from "../../mixins/postgres/database.ts";
import { searches, searchLimits } from "../../services/users/searches.ts";

const db = {} as Database;

/** Searches that end when the test says so. */
function held(limits: Partial<typeof searchLimits> | Record<string, number>) {
  const search = searches(db, { ...searchLimits, ...limits });
  const ends: (() => void)[] = [];
  const begin = () =>
    search<string>(() => new Promise<string>((resolve) => ends.push(() => resolve("found")))).catch(
      (error: Error & { type?: string }) => `${error.type}`,
    );
  return { begin, ends };
}

test("two searches run at a time, and the next one when one of them is over", async (t) => {
  const { begin, ends } = held({});
  const all = [begin(), begin(), begin()];
  await Promise.resolve();
  t.is(ends.length, 2);
  ends[0]?.();
  t.is(await all[0], "found");
  t.is(ends.length, 3);
  for (const end of ends) end();
  t.deepEqual(await Promise.all(all), ["found", "found", "found"]);
});

test("a search whose turn does not come in time is refused, and so is at once one more than may wait", async (t) => {
  const { begin, ends } = held({ waitMsMax: 20, waitingMax: 3 });
  const running = [begin(), begin()];
  const waiting = [begin(), begin(), begin()];
  t.is(await begin(), "search-too-slow");
  t.deepEqual(await Promise.all(waiting), ["search-too-slow", "search-too-slow", "search-too-slow"]);
  for (const end of ends) end();
  t.deepEqual(await Promise.all(running), ["found", "found"]);
  t.is(ends.length, 2);
  const next = begin();
  await Promise.resolve();
  ends[2]?.();
  t.is(await next, "found");
});

test("what the database gives up becomes a refusal, and any other failure stays what it is", async (t) => {
  const search = searches(db);
  const fail = (error: Error) => search(() => Promise.reject(error)).catch((thrown: unknown) => thrown);
  const timeout = Object.assign(new Error("canceling statement"), { code: "57014" });
  t.like(await fail(timeout), { type: "search-too-slow" });
  t.like(await fail(new Error("wrapped", { cause: timeout })), { type: "search-too-slow" });
  const other = new Error("syntax");
  t.is(await fail(other), other);
});
