/** docs/metrics.md as the code, the rules and the dashboards make it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { processMetrics } from "../../../mixins/metrics/metrics.ts";
import { readQuery } from "../promql.ts";
import { dashboards, rules } from "../rules.ts";
import { repositoryRoot } from "./run-tool.ts";

export const metricsPagePath = join(repositoryRoot, "docs/metrics.md");

/** A metric as prom-client keeps it; its types leave the members out. */
interface Definition {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  readonly aggregator: string;
  readonly labelNames: readonly string[];
  readonly upperBounds?: readonly number[];
}

const intro = `# Metrics

Every process exposes these as Prometheus text on \`/metrics\` of its \`OPS_PORT\`, at most a fifth of a second old, where there is an \`OPS_TOKEN_FILE\` to whoever shows it (\`authorization: {credentials_file: …}\` of Prometheus); a metric whose source a process does not host has no series there. What is measured of a database, a queue or a pool is measured at the scrape, at most five times a second and for at most 2 s; what can't be measured is absent, never an old figure. Counters and histograms begin at 0 with each start of a process, which \`rate\` and \`increase\` allow for. No label holds an id, an address or the name of a person.

How the series of several processes become one figure: **sum** for what each process has its own share of, **max** for what several of them measure of one thing (a table, a queue): their sum would count it twice; **min** where one that fails is enough. Counters and histograms: the sum of their rates, as in \`sum by (le) (rate(smtp_check_duration_seconds_bucket[5m]))\`.

<!-- Written by \`npm run metrics-page\` from mixins/metrics/metrics.ts and docker/observability; \`npm run check\` compares. -->
`;

const parts = /_(bucket|sum|count)$/;
const isOurs = ({ name }: Definition): boolean => !/^(nodejs|process)_/.test(name);
const code = (text: string): string => `\`${text}\``;

/** Which alerts and recording rules, and which dashboards, ask for a metric. */
function users(): Map<string, { alerts: Set<string>; dashboards: Set<string> }> {
  const found = new Map<string, { alerts: Set<string>; dashboards: Set<string> }>();
  const of = (name: string) => {
    const entry = found.get(name) ?? { alerts: new Set<string>(), dashboards: new Set<string>() };
    found.set(name, entry);
    return entry;
  };
  const asked = (query: string) => readQuery(query).asked.map(({ metric }) => metric);
  const recorded = new Map(
    rules().flatMap(({ record, expr }) => (record ? [[record, asked(expr)] as const] : [])),
  );
  const named = (query: string) =>
    asked(query).flatMap((metric) => recorded.get(metric) ?? [metric.replace(parts, ""), metric]);
  for (const { alert, expr } of rules())
    if (alert !== undefined)
      for (const metric of named(expr)) of(metric.replace(parts, "")).alerts.add(alert);
  for (const { file, panels } of dashboards())
    for (const { targets = [] } of panels)
      for (const { expr } of targets)
        for (const metric of named(expr))
          of(metric.replace(parts, "")).dashboards.add(file.replace(".json", ""));
  return found;
}

const aggregation = ({ type, aggregator }: Definition): string =>
  type === "gauge" ? aggregator : "sum of rates";

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** The page as it should be. */
export function metricsPage(): string {
  const definitions = processMetrics().registry.getMetricsAsArray() as unknown as Definition[];
  const usedBy = users();
  const sorted = definitions.toSorted((a, b) => a.name.localeCompare(b.name));
  const linked = (alert: string): string => `[${alert}](runbook.md#${alert.toLowerCase()})`;
  const ours = sorted.filter(isOurs).map((definition) => {
    const { name, type, labelNames, help } = definition;
    const { alerts = new Set<string>(), dashboards: shown = new Set<string>() } = usedBy.get(name) ?? {};
    return [
      code(name),
      type,
      labelNames.map(code).join(", ") || "none",
      help,
      aggregation(definition),
      [...alerts].map(linked).join(", ") || "none",
      [...shown].join(", ") || "none",
    ];
  });
  const buckets = sorted
    .filter((definition) => isOurs(definition) && definition.type === "histogram")
    .map(({ name, upperBounds = [] }) => [code(name), upperBounds.join(", ")]);
  const runtime = sorted
    .filter((definition) => !isOurs(definition) && usedBy.has(definition.name))
    .map((definition) => [
      code(definition.name),
      definition.type,
      definition.help.trim(),
      [...(usedBy.get(definition.name)?.alerts ?? [])].map(linked).join(", ") || "none",
    ]);
  return [
    intro,
    table(["metric", "type", "labels", "meaning", "aggregate", "alerts", "dashboards"], ours),
    "\n## Buckets\n\nUpper bounds, in seconds.\n",
    table(["histogram", "buckets"], buckets),
    "\n## Of the runtime\n\nThose of prom-client that an alert or a dashboard looks at, each of one process. What else it exposes depends on the platform.\n",
    table(["metric", "type", "meaning", "alerts"], runtime),
    "",
  ].join("\n");
}

/** The gate's finding: empty when the page is what the code makes it. */
export const metricsPageFaults = (): string[] =>
  readFileSync(metricsPagePath, "utf8") === metricsPage()
    ? []
    : ["docs/metrics.md is not what the code makes it: npm run metrics-page"];
