/** Real scrapes of a running system, as input series of `promtool test rules`: the rules see ten minutes of it. */
import { stringify } from "yaml";
import { request, type TestProcess } from "./processes.ts";

/** As docker/observability/prometheus.yml has it. */
const job = "mailroster";
const intervalS = 15;
export const scrapesInTenMinutes = (10 * 60) / intervalS + 1;

/** By name and labels, one value for each scrape; undefined: it was not there. */
export type Series = Map<string, (string | undefined)[]>;

const sample = /^([a-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/i;

/** Adds one scrape of each process to what was recorded before. */
export async function scrape(
  series: Series,
  at: number,
  processes: Record<string, TestProcess>,
): Promise<void> {
  const add = (name: string, labels: string, instance: string, value: string): void => {
    const own = `job="${job}",instance="${instance}:3001"`;
    const key = `${name}{${labels === "" ? own : `${labels},${own}`}}`;
    const values = series.get(key) ?? [];
    values[at] = value;
    series.set(key, values);
  };
  for (const [instance, { opsUrl }] of Object.entries(processes)) {
    const { status, text } = await request(`${opsUrl}/metrics`);
    add("up", "", instance, status === 200 ? "1" : "0");
    for (const line of text.split("\n")) {
      const [, name, labels = "", value = ""] = sample.exec(line) ?? [];
      if (name !== undefined) add(name, labels, instance, value);
    }
  }
}

/** A file for `promtool test rules` in which no alert but `apart` may fire at any of its minutes. */
export function quietTest(series: Series, files: readonly string[], apart: readonly string[]): string {
  const others = apart.length === 0 ? "" : `, alertname!~"${apart.join("|")}"`;
  return stringify({
    rule_files: files,
    evaluation_interval: `${intervalS}s`,
    tests: [
      {
        interval: `${intervalS}s`,
        input_series: [...series].map(([name, values]) => ({
          series: name,
          values: Array.from({ length: scrapesInTenMinutes }, (_, at) => values[at] ?? "_").join(" "),
        })),
        promql_expr_test: Array.from({ length: 10 }, (_, minute) => ({
          expr: `count by (alertname, instance, pool, check) (ALERTS{alertstate="firing"${others}})`,
          eval_time: `${minute + 1}m`,
          exp_samples: [],
        })),
      },
    ],
  });
}
