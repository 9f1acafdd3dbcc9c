/** The two files of a run: one for programs, one for people. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { page } from "./page.ts";
import type { Results } from "./results.ts";

/** results.json and report.html; to be written anew after each part, so that an interrupted run leaves what it knows. */
export function writeResults(folder: string, results: Results): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "results.json"), `${JSON.stringify(results, null, 1)}\n`);
  writeFileSync(join(folder, "report.html"), page(results));
}
