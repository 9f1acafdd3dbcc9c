/** What a process measures has names that Prometheus's own check takes. */
import test from "ava";
import { createMetrics } from "../../mixins/metrics.ts";

test("Only counters end in _total, and every counter does, as promtool check metrics demands", async (t) => {
  const metrics = await createMetrics().registry.getMetricsAsJSON();
  t.true(metrics.length > 8);
  for (const { name, type } of metrics) t.is(name.endsWith("_total"), String(type) === "counter", name);
});
