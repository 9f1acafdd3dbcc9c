/** What a browser meets at /console of a system that somebody has just started. */
import test from "ava";
import type { Request } from "playwright-core";
import { pageOf } from "../support/browser.ts";
import { Processes } from "../support/processes.ts";

const firstLoadBytesMax = 60_000;

test("after npm start the console loads, small, from this host alone, within its policy", async (t) => {
  const processes = new Processes();
  t.teardown(() => processes.end());
  const system = await processes.start({ env: { CONSOLE: "on", DATA_DIR: processes.folder() } });
  await system.ready();
  const at = await pageOf(t, system.httpUrl);
  const loaded: Request[] = [];
  at.context.on("requestfinished", (request) => void loaded.push(request));
  await at.page.goto("/console");
  await at.settled();
  t.is(await at.page.title(), "Console · mailroster");
  t.is(await at.page.getByRole("heading", { level: 1 }).textContent(), "What is this?");
  t.true(await at.page.getByRole("searchbox").isVisible());
  const sizes = await Promise.all(loaded.map((request) => request.sizes()));
  const bytes = sizes.reduce((sum, { responseBodySize }) => sum + responseBodySize, 0);
  t.true(bytes > 10_000 && bytes < firstLoadBytesMax, `${bytes} bytes`);
  t.deepEqual(at.faults(), []);
  system.kill("SIGTERM");
  t.is((await system.exited()).code, 0);
  t.deepEqual(processes.running(), []);
});
