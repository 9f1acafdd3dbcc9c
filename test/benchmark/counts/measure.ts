/**
 * Prints as JSON what one call of each pure function of the hot path costs: tokens run and bytes allocated. Started by
 * counts.ts with the options that make bytes the same each time: no compiler, no collection meanwhile.
 */
import { beginCounting } from "./tokens.ts";

const times = 100;
const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error("Cannot count bytes: start it by counts.ts");

/** Of the heap; what lies outside it, as in buffers, is not in it. */
function bytesPerCall(run: () => unknown): number {
  for (let n = 0; n < times; n += 1) run();
  collect?.();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < times; n += 1) run();
  return Math.round((process.memoryUsage().heapUsed - before) / times);
}

const counting = beginCounting();
const { hotFunctions } = await import("./hot-functions.ts");
const weighing = counting.count(hotFunctions, times);
const bytes = Object.entries(hotFunctions).map(([name, run]) => [name, bytesPerCall(run)] as const);
const tokens = await weighing.tokens();
const costs = Object.fromEntries(bytes.map(([name, each]) => [name, { tokens: tokens[name], bytes: each }]));
process.stdout.write(JSON.stringify({ node: process.versions.node, costs }));
