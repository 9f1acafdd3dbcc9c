/** Reading queries and expositions, which the checks of alerts and dashboards stand on. */
import test from "ava";
import { exposedMetrics, queryFaults } from "../support/promql.ts";

const metrics = exposedMetrics([
  '# HELP a_total Help with a_comment{x="y"} 1\na_total{type="x,y}=\\"z\\"",kind="k"} 3\nb_bucket{le="0.5"} 1\nplain 0\n',
]);
const faults = (query: string) => queryFaults(query, metrics);

test("metrics and labels that are exposed make no fault", (t) => {
  for (const query of [
    "plain",
    'sum by (kind, instance) (rate(a_total{type="x"}[$__rate_interval])) / on (kind) group_left a_total > 0.5',
    "histogram_quantile(0.99, sum by (le) (rate(b_bucket[5m])))",
    'absent(up{job="mailroster"}) or plain{instance="a"}',
  ])
    t.deepEqual(faults(query), [], query);
});

test("a metric, a label or a group that nobody exposes, and what is no PromQL, are faults", (t) => {
  t.regex(faults("sum(rate(c_total[5m]))")[0] ?? "", /no metric c_total/);
  t.regex(faults("a_comment")[0] ?? "", /no metric/);
  t.regex(faults('a_total{nope="x"}')[0] ?? "", /a_total has no label nope/);
  t.regex(faults("sum by (nope) (a_total)")[0] ?? "", /label nope/);
  t.regex(faults("sum by (le) (a_total)")[0] ?? "", /label le/);
  t.regex(faults("sum(a_total")[0] ?? "", /no PromQL/);
  t.regex(faults("")[0] ?? "", /no PromQL/);
});
