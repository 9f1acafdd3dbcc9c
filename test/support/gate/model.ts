/**
 * The models of docs/model, checked: where they must hold, every state is looked at; under each mutation the named
 * invariant is broken, by the very sequence that the page shows.
 * Docs: https://spinroot.com/spin/Man/Pan.html.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "../provision/command.ts";
import { findSpin, type SpinTools } from "../provision/spin.ts";
import { type Mutation, mutations, type Proof, proofs } from "./model-runs.ts";
import { repositoryRoot } from "./run-tool.ts";

export const modelPagePath = join(repositoryRoot, "docs/model/README.md");

const depthMax = 1_000_000;
const memoryMaxMb = 2_048;
const stepTimeoutMs = 300_000;
/** As many searches at a time as the smallest machine has cores. */
const lanes = 2;

/** Thrown where there is no spin; the gate says so and passes nothing. */
export class ModelNotChecked extends Error {
  override name = "ModelNotChecked";
}

interface Search {
  readonly output: string;
  /** What the steps of the counterexample print; empty: there is none. */
  readonly trail: readonly string[];
}

const given = (defines: readonly string[]): string[] => defines.map((define) => `-D${define}`);

async function succeed(program: string, args: readonly string[], options: object): Promise<string> {
  const { code, stdout, stderr } = await runProgram(program, args, { timeoutMs: stepTimeoutMs, ...options });
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: ${`${stdout}${stderr}`.trim()}`);
  return stdout;
}

/** Makes, compiles and runs the verifier in a folder of its own. */
async function search(
  { spin, cc, ccArgs, env }: SpinTools,
  run: { readonly model: string; readonly defines: readonly string[] },
  how: { readonly compile: readonly string[]; readonly run: readonly string[] },
): Promise<Search> {
  const cwd = mkdtempSync(join(tmpdir(), "mailroster-model-"));
  const source = join(repositoryRoot, "docs/model", `${run.model}.pml`);
  const defines = given(run.defines);
  const options = { cwd, env };
  try {
    // spin calls the preprocessor `gcc` by name unless it is told of another.
    const preprocessor = `-P${[cc, ...ccArgs].join(" ")} -E -x c`;
    await succeed(spin, [preprocessor, ...defines, "-a", source], options);
    const flags = ["-w", "-DNOFAIR", "-DCOLLAPSE", `-DMEMLIM=${memoryMaxMb}`, ...how.compile];
    await succeed(cc, [...ccArgs, ...flags, "-o", "pan", "pan.c"], options);
    const found = await runProgram("./pan", ["-E", `-m${depthMax}`, ...how.run], {
      ...options,
      timeoutMs: stepTimeoutMs,
    });
    const output = `${found.stdout}${found.stderr}`;
    if (!/errors: [1-9]/.test(output)) return { output, trail: [] };
    const args = [preprocessor, ...defines, "-t", "-T", "-B", "-k", `${run.model}.pml.trail`, source];
    const replay = await runProgram(spin, args, options);
    return { output, trail: replay.stdout.split("\n").map((line) => line.trim()) };
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** What keeps the search from being a proof. Pure. */
export function proofFaults(output: string, { everyStep }: Pick<Proof, "everyStep">): string[] {
  const faults: string[] = [];
  if (!/errors: 0\b/.test(output))
    faults.push(/^pan:.*$/m.exec(output)?.[0] ?? "it found an error or did not end");
  if (/Search not completed|max search depth too small|out of memory|hash-?table full/i.test(output))
    faults.push("it did not look at every state");
  const unreached = [...output.matchAll(/^\s+\S+:(\d+), state \d+, "(.*)"$/gm)].filter(
    ([, , statement = ""]) => !/^(assert\(0\)|-end-|printf\('BROKEN: .*)$/.test(statement),
  );
  if (everyStep)
    for (const [, line, statement] of unreached) faults.push(`line ${line} never happens: ${statement}`);
  return faults;
}

/** The sequence up to the invariant that it breaks, and which that is. Pure. */
export function storyOf(trail: readonly string[]): { steps: readonly string[]; broken: string | undefined } {
  const end = trail.findIndex((line) => line.startsWith("BROKEN: "));
  const steps = trail
    .slice(0, end < 0 ? undefined : end)
    .filter((line) => line !== "" && !/^spin:/.test(line));
  return { steps, broken: trail[end]?.slice("BROKEN: ".length) };
}

async function prove(tools: SpinTools, proof: Proof): Promise<string[]> {
  const how = proof.ends
    ? { compile: ["-O2", "-DNP"], run: ["-l"] }
    : { compile: ["-O2", "-DSAFETY"], run: [] };
  const { output, trail } = await search(tools, proof, how);
  const story = storyOf(trail);
  return proofFaults(output, proof).map((fault) =>
    [`${proof.model}.pml, ${proof.size}: ${fault}`, ...story.steps, story.broken ?? ""].join("\n").trim(),
  );
}

export interface Counterexample {
  readonly mutation: Mutation;
  readonly steps: readonly string[];
  readonly broken: string | undefined;
}

/** Breadth first, so that no shorter sequence breaks it. */
async function counterexample(tools: SpinTools, mutation: Mutation): Promise<Counterexample> {
  const run = { ...mutation, defines: [...mutation.defines, mutation.name] };
  const { trail } = await search(tools, run, { compile: ["-O1", "-DSAFETY", "-DBFS"], run: [] });
  return { mutation, ...storyOf(trail) };
}

/** As the page shows it. */
export const shownAs = ({ mutation, steps, broken }: Counterexample): string =>
  [
    `### ${mutation.name} (${mutation.model}.pml)`,
    "",
    mutation.says,
    "",
    "```text",
    ...steps,
    `BROKEN: ${broken}`,
    "```",
  ].join("\n");

async function tools(): Promise<SpinTools> {
  try {
    return await findSpin();
  } catch (error) {
    throw new ModelNotChecked((error as Error).message, { cause: error });
  }
}

/** The results in the order of the items. */
async function inLanes<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = [...items.entries()];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      results[next[0]] = await work(next[1]);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}

/** In the order of the table. Rejects with ModelNotChecked where there is no spin or no C compiler. */
export async function counterexamples(): Promise<Counterexample[]> {
  const spin = await tools();
  return inLanes(mutations, (mutation) => counterexample(spin, mutation));
}

/** Rejects with ModelNotChecked where there is no spin or no C compiler. */
export async function modelFaults(): Promise<string[]> {
  const spin = await tools();
  const faults = (await inLanes(proofs, (proof) => prove(spin, proof))).flat();
  const page = readFileSync(modelPagePath, "utf8");
  for (const example of await counterexamples()) {
    const { mutation, broken } = example;
    if (broken !== mutation.breaks)
      faults.push(`${mutation.name} must break "${mutation.breaks}", it breaks ${broken ?? "nothing"}`);
    else if (!page.includes(shownAs(example)))
      faults.push(`docs/model/README.md does not show the counterexample of ${mutation.name}: npm run model`);
  }
  return faults;
}
