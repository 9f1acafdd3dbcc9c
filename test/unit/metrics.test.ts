/** What a process measures: names that Prometheus takes, buckets that tell what they should, and measuring on demand. */
import test from "ava";
import { processMetrics } from "../../mixins/metrics/metrics.ts";
import { bucketsIn, histogramQuantile } from "../support/histogram.ts";

test("Only counters end in _total, and every counter does, as promtool check metrics demands", async (t) => {
  const metrics = await processMetrics().registry.getMetricsAsJSON();
  t.true(metrics.length > 8);
  for (const { name, type } of metrics) t.is(name.endsWith("_total"), String(type) === "counter", name);
});

test("a registry that takes half a second reads as a P99 of half a second, also when its timer fires early", async (t) => {
  const { registry, smtpCheckDuration } = processMetrics();
  for (let call = 0; call < 100; call += 1) smtpCheckDuration.observe(call < 95 ? 0.003 : 0.4995);
  const buckets = bucketsIn(await registry.metrics(), "smtp_check_duration_seconds");
  const p99 = histogramQuantile(0.99, buckets);
  t.true(p99 >= 0.5 && p99 < 0.6, String(p99));
  t.true(histogramQuantile(0.5, buckets) < 0.005);
});

/** A source whose answers the test gives. */
function source() {
  const shown: string[] = [];
  const asked: ((figure: string) => void)[] = [];
  return {
    shown,
    asked,
    async measure() {
      const figure = await new Promise<string>((answer, refuse) =>
        asked.push((text) => (text === "refused" ? refuse(new Error(text)) : answer(text))),
      );
      return () => void shown.push(figure);
    },
    forget: () => void shown.push("nothing"),
  };
}

test("expositions at one time measure a source once, and it is not asked again within a second", async (t) => {
  const { onScrape, expose } = processMetrics();
  const one = source();
  onScrape(one);
  const both = [expose(), expose()];
  t.is(one.asked.length, 1);
  one.asked[0]?.("a");
  await Promise.all(both);
  await expose();
  t.deepEqual([one.shown, one.asked.length], [["a"], 1]);
});

test("a source that fails, or does not answer in time, shows nothing and holds up no exposition", async (t) => {
  const { onScrape, expose } = processMetrics();
  const [failing, silent] = [source(), source()];
  for (const each of [failing, silent]) onScrape(each);
  const exposed = expose();
  failing.asked[0]?.("refused");
  t.regex(await exposed, /process_cpu_seconds_total/);
  t.deepEqual([failing.shown, silent.shown], [["nothing"], ["nothing"]]);
  await expose();
  t.is(silent.asked.length, 1, "it is still asked, so it is not asked again");
});

test("a source that has ended takes its figures away and shows none that come late", async (t) => {
  const { onScrape, expose } = processMetrics();
  const ending = source();
  const end = onScrape(ending);
  const exposed = expose();
  end();
  ending.asked[0]?.("late");
  await exposed;
  t.deepEqual(ending.shown, ["nothing"]);
});

test("the exposition is the registry's own, and other work goes on while it is written", async (t) => {
  const metrics = processMetrics();
  let turns = 0;
  const count = setInterval(() => {
    turns += 1;
  }, 0);
  const text = await metrics.expose();
  clearInterval(count);
  const names = (page: string) => page.split("\n").filter((line) => line.startsWith("# "));
  t.deepEqual(names(text), names(await metrics.registry.metrics()));
  t.true(text.endsWith("\n") && !text.endsWith("\n\n"));
  t.true(turns > 0);
});
