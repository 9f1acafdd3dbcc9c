/** A Prometheus of a test's own: the shipped configuration and rules, with other targets and a shorter interval. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { fixedPort } from "./fixed-port.ts";
import { prometheusProgram } from "./prometheus.ts";
import { stopChild } from "./provision/command.ts";
import { observability, ruleFiles } from "./rules.ts";

const interval = "1s";

export interface PrometheusServer {
  /** The `data` of an answer of its HTTP API; rejects as long as it does not answer. */
  api<T>(path: string): Promise<T>;
  stop(): Promise<void>;
}

interface Configuration {
  global: object;
  rule_files: string[];
  scrape_configs: { static_configs: { targets: string[] }[] }[];
}

/** Resolves at once: it is up when it answers. */
export async function prometheusServer(targets: readonly string[]): Promise<PrometheusServer> {
  const home = mkdtempSync(join(tmpdir(), "mailroster-prometheus-"));
  const shipped = parse(readFileSync(join(observability, "prometheus.yml"), "utf8")) as Configuration;
  const configuration = {
    ...shipped,
    global: { ...shipped.global, scrape_interval: interval, evaluation_interval: interval },
    rule_files: ruleFiles(),
    scrape_configs: shipped.scrape_configs.map((scraped) => ({
      ...scraped,
      static_configs: [{ targets: [...targets] }],
    })),
  };
  writeFileSync(join(home, "prometheus.yml"), stringify(configuration));
  const port = await fixedPort();
  const child = spawn(
    prometheusProgram("prometheus"),
    [
      `--config.file=${join(home, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(home, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: "ignore" },
  );
  child.on("error", () => {}); // shows as not answering
  return {
    async api<T>(path: string) {
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`);
      if (!answer.ok) throw new Error(`Prometheus answers ${answer.status}`);
      return ((await answer.json()) as { data: T }).data;
    },
    async stop() {
      await stopChild(child, "SIGTERM");
      rmSync(home, { recursive: true, force: true });
    },
  };
}
