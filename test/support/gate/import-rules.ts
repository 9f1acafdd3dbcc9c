/** The rules of .dependency-cruiser.mjs applied to a folder; an empty cruise is a fault, never a pass. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot, runTool } from "./run-tool.ts";

const places = ["services", "mixins", "migrations", "test", "moleculer.config.ts"];

interface CruiseResult {
  readonly summary: {
    readonly totalCruised: number;
    readonly violations: readonly { from: string; to: string; rule: { name: string } }[];
  };
  readonly modules: readonly { source: string; coreModule?: boolean; couldNotResolve?: boolean }[];
}

const isOurs = (source: string): boolean =>
  places.some((place) => source === place || source.startsWith(`${place}/`));

/** One line a violation, beginning with the rule's name. Rejects when the tool itself fails. */
export async function importViolations(root: string): Promise<string[]> {
  const { stdout, output } = await runTool(
    "depcruise",
    [
      "--config",
      join(repositoryRoot, ".dependency-cruiser.mjs"),
      "--output-type",
      "json",
      ...places.filter((place) => existsSync(join(root, place))),
    ],
    { cwd: root },
  );
  if (!stdout.startsWith("{")) throw new Error(`Cannot check imports: ${output}`);
  const { summary, modules } = JSON.parse(stdout) as CruiseResult;
  // With a TypeScript it does not know, dependency-cruiser reads no .ts file and reports "no violations (0 modules)".
  if (!modules.some(({ source }) => isOurs(source) && source.endsWith(".ts")))
    return ["nothing-cruised: dependency-cruiser read no TypeScript file"];
  return summary.violations.map(({ from, to, rule }) => `${rule.name}: ${from} -> ${to}`);
}
