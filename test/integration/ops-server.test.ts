/** What asking often costs a process. */

import test from "ava";
import { Gauge } from "prom-client";
import { processMetrics } from "../../mixins/metrics/metrics.ts";
import { startOpsServer } from "../../services/runtime/ops-server.ts";
import { request } from "../support/processes.ts";

const scrapersCount = 50;

test("fifty scrapers cost what one does", async (t) => {
  const metrics = processMetrics();
  let scrapes = 0;
  new Gauge({
    name: "scrapes",
    help: "Scrapes",
    registers: [metrics.registry],
    collect() {
      scrapes += 1;
    },
  });
  const server = await startOpsServer({
    host: "127.0.0.1",
    port: 0,
    token: undefined,
    allowedHosts: [],
    metrics,
    ready: async () => ({ status: "up", checks: {} }),
  });
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${server.port}`;
  const began = performance.now();
  // Ten at a time: more connections than it has room for are closed.
  const turns = Array.from({ length: 10 }, async () => {
    const statuses: number[] = [];
    for (let scrape = 0; scrape < scrapersCount / 10; scrape += 1)
      statuses.push((await request(`${url}/metrics`)).status);
    return statuses;
  });
  t.deepEqual(new Set((await Promise.all(turns)).flat()), new Set([200]));
  // However slow this machine is: five a second.
  t.true(scrapes <= 1 + Math.floor((performance.now() - began) / 200), String(scrapes));
});
