/** What a PromQL query asks for: its metrics with the labels that it names, read with Prometheus's own grammar. */
import { parser } from "@prometheus-io/lezer-promql";

export interface Asked {
  readonly metric: string;
  /** Of its matchers. */
  readonly labels: readonly string[];
}

export interface Query {
  /** Where the text is no PromQL. */
  readonly faults: readonly string[];
  readonly asked: readonly Asked[];
  /** By which it groups or joins. */
  readonly grouped: readonly string[];
}

/** Grafana's variables stand where PromQL wants a duration. */
const grafanaVariable = /\$__(rate_interval|interval|range)/g;

/** Never throws. */
export function readQuery(text: string): Query {
  const query = text.replaceAll(grafanaVariable, "5m");
  const faults: string[] = [];
  const asked: { metric: string; labels: string[] }[] = [];
  const grouped: string[] = [];
  const grouping: boolean[] = [];
  parser.parse(query).iterate({
    enter(node) {
      const own = query.slice(node.from, node.to);
      if (node.type.isError) faults.push(`at ${node.from}: ${query.slice(node.from, node.from + 20)}`);
      if (node.name === "GroupingLabels") grouping.push(true);
      if (node.name === "VectorSelector") asked.push({ metric: "", labels: [] });
      const current = asked.at(-1);
      if (node.name === "Identifier" && current !== undefined) current.metric = own;
      if (node.name === "LabelName") (grouping.length > 0 ? grouped : (current?.labels ?? grouped)).push(own);
    },
    leave(node) {
      if (node.name === "GroupingLabels") grouping.pop();
    },
  });
  return { faults, asked, grouped };
}

const labelsOf: ReadonlySet<string> = new Set(["instance", "job"]);
const ofPrometheus: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["up", labelsOf],
  ["ALERTS", new Set(["alertname", "alertstate", "severity"])],
]);

/** The metrics of an exposition with the labels that they carry. */
export function exposedMetrics(expositions: readonly string[]): Map<string, Set<string>> {
  const metrics = new Map([...ofPrometheus].map(([name, labels]) => [name, new Set(labels)]));
  for (const line of expositions.flatMap((text) => text.split("\n"))) {
    const [, name, labels = ""] = line.match(/^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? /) ?? [];
    if (name === undefined) continue;
    const known = metrics.get(name) ?? new Set(labelsOf);
    metrics.set(name, known);
    for (const [, label = ""] of labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) known.add(label);
  }
  return metrics;
}

/** One line for whatever the query asks for that nobody exposes. */
export function queryFaults(text: string, metrics: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const { faults, asked, grouped } = readQuery(text);
  const known = asked.flatMap(({ metric }) => [...(metrics.get(metric) ?? [])]);
  return [
    ...faults.map((fault) => `no PromQL ${fault}`),
    ...asked
      .filter(({ metric }) => !metrics.has(metric))
      .map(({ metric }) => `no metric ${metric || "named"}`),
    ...asked.flatMap(({ metric, labels }) =>
      labels
        .filter((label) => metrics.has(metric) && !metrics.get(metric)?.has(label))
        .map((label) => `${metric} has no label ${label}`),
    ),
    ...grouped.filter((label) => !known.includes(label)).map((label) => `nothing has the label ${label}`),
  ].map((fault) => `${fault} in ${text}`);
}
