/** The shipped rules of Prometheus and dashboards of Grafana, as far as tests look into them. */
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parse } from "yaml";
import { repositoryRoot } from "./gate/run-tool.ts";

export const observability = join(repositoryRoot, "docker/observability");

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: { readonly severity?: string };
  readonly annotations?: { readonly summary?: string; readonly runbook?: string };
}

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
}

export const ruleFiles = (): string[] => globSync(join(observability, "rules/*.yml")).sort();

export const rules = (): Rule[] =>
  ruleFiles().flatMap((path) =>
    (parse(readFileSync(path, "utf8")) as RuleFile).groups.flatMap((group) => group.rules),
  );

/** Those that have a name, by it. */
export const alerts = (): (Rule & { readonly alert: string })[] =>
  rules().filter((rule): rule is Rule & { alert: string } => rule.alert !== undefined);

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
}

export interface Dashboard {
  readonly file: string;
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
}

export const dashboards = (): Dashboard[] =>
  globSync(join(observability, "grafana/dashboards/*.json"))
    .sort()
    .map((path) => ({
      ...(JSON.parse(readFileSync(path, "utf8")) as Omit<Dashboard, "file">),
      file: basename(path),
    }));
