import test from "ava";
import { bucketsIn, histogramQuantile, increase } from "../support/histogram.ts";

const scrape = `# TYPE x_seconds histogram
x_seconds_bucket{le="0.1"} 5
x_seconds_bucket{le="0.5"} 9
x_seconds_bucket{le="1"} 10
x_seconds_bucket{le="+Inf"} 10
x_seconds_sum 2
x_seconds_count 10
y_seconds_bucket{a="b",le="1"} 4
y_seconds_bucket{a="c",le="1"} 3
`;

// The expected values are those that promtool 2.42 gives for the same series.
test("quantiles are those of histogram_quantile", (t) => {
  const buckets = bucketsIn(scrape, "x_seconds");
  t.is(histogramQuantile(0.5, buckets), 0.1);
  t.is(histogramQuantile(0.7, buckets), 0.30000000000000004);
  t.is(histogramQuantile(0.99, buckets), 0.9500000000000002);
  t.is(histogramQuantile(0.99, increase(buckets, buckets)), Number.NaN);
  const beyond = new Map([...buckets, [Number.POSITIVE_INFINITY, 100]]);
  t.is(histogramQuantile(0.99, beyond), 1);
  t.deepEqual(bucketsIn(scrape, "y_seconds"), new Map([[1, 7]]));
});
