/** Rows of an import a second beside creates of the same installation, and what a row costs. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../../support/eventually.ts";
import { compiledFolder, Processes } from "../../support/processes.ts";
import { idFloor } from "../harness/commits.ts";
import { loadRole, residentMb, spent } from "../harness/cpu.ts";
import { type Bench, type Figure, type Outcome, type Part, type Row, rowOf } from "../harness/part.ts";
import { interleaved } from "../harness/rounds.ts";
import { createsRound } from "../harness/saturation.ts";
import { drained } from "../harness/settle.ts";
import { median } from "../harness/stats.ts";
import { type System, startEmbedded, withSystems } from "../harness/systems.ts";
import { freshPrefix } from "../load/generator.ts";

/** As `npm run import` starts it. */
const program = [
  ...[process.execPath, "--max-semi-space-size=4", "--max-old-space-size=96"],
  "services/commands/import/index.ts",
] as const;
const importMsMax = 600_000;
const sampleEveryMs = 50;
const subjects = [{ name: "creates" }, { name: "import" }] as const;

/** What both have in common. */
interface Round {
  readonly perSecond: number;
  /** Milliseconds of CPU for each user, by who spent them. */
  readonly cpuMs: ReadonlyMap<string, number>;
  /** Of the command; NaN where there is none. */
  readonly memoryMb: number;
}

function fileOf(processes: Processes, rows: number): string {
  const prefix = freshPrefix();
  const path = join(processes.folder(), "people.csv");
  const lines = Array.from({ length: rows }, (_, index) => `Person ${index},${prefix}${index}@bench.example`);
  writeFileSync(path, `displayName,primarySmtp\n${lines.join("\n")}\n`);
  return path;
}

/** Until the command says that it is done; its effects are waited for, and count in what it costs. */
async function importRound({ servers: { cpu }, scale }: Bench, system: System): Promise<Round> {
  const { place, urls, processes: roles } = system;
  const processes = new Processes();
  const path = fileOf(processes, scale.importRows);
  const fromId = idFloor(Date.now());
  const before = await cpu?.times(roles, place);
  const [node, ...args] = program;
  const command = await processes.start({
    command: [node, ...args, path, "--json", "--url", urls[0] ?? ""],
    env: { NODE_COMPILE_CACHE: compiledFolder },
  });
  let [memoryMb, ownMs] = [Number.NaN, 0];
  const sampling = setInterval(() => {
    const mb = residentMb(command.pid, "most");
    if (!Number.isNaN(mb)) memoryMb = mb;
    ownMs = Math.max(ownMs, cpu?.ownMs(command.pid) ?? 0);
  }, sampleEveryMs);
  try {
    const { code } = await eventually(() => command.exited(), { timeoutMs: importMsMax });
    if (code !== 0) throw new Error(`Cannot measure: the import ends with ${code}: ${command.stderr()}`);
    await drained(system, fromId);
    const after = await cpu?.times(roles, place);
    const { rows, seconds } = JSON.parse(command.stdout()) as { rows: number; seconds: number };
    const times = before === undefined || after === undefined ? [] : [...spent(before, after)];
    const all = times.map(([who, ms]) => [who, who === loadRole ? ownMs : ms] as const);
    return {
      perSecond: rows / seconds,
      cpuMs: new Map(all.map(([who, ms]) => [who === loadRole ? "client" : who, ms / rows])),
      memoryMb,
    };
  } finally {
    clearInterval(sampling);
    await processes.end();
  }
}

async function createRound(bench: Bench, system: System): Promise<Round> {
  const { answered, cpuMs } = await createsRound(bench, system);
  const all = [...cpuMs].map(([who, ms]) => [who === loadRole ? "client" : who, ms] as const);
  return { perSecond: answered, cpuMs: new Map(all), memoryMb: Number.NaN };
}

const sum = ({ cpuMs }: Round): number => [...cpuMs.values()].reduce((total, ms) => total + ms, 0);

function figureOf(rounds: (name: string) => readonly Round[]): Figure {
  const stacks = subjects.map(({ name: label }) => ({
    label,
    layers: [...(rounds(label)[0]?.cpuMs.keys() ?? [])].map((name) => ({
      name,
      value: median(rounds(label).map(({ cpuMs }) => cpuMs.get(name) ?? 0)),
    })),
  }));
  return { kind: "stacks", title: "CPU a user, by who spends it", unit: "ms", stacks };
}

export const importPart: Part = {
  name: "import",
  title: "An import beside creates",
  about:
    "`npm run import` of a CSV file into a one-process system, beside POST /users over 32 connections into the same one. An import reads its file twice, asks what is there, a hundred rows at a time, and gives each row a key of its own; client, system and PostgreSQL share the machine's cores. CPU counts until every effect is committed.",
  async run(bench): Promise<Outcome> {
    const { servers } = bench;
    return withSystems([startEmbedded(servers, "import")], async ([system]) => {
      if (system === undefined) throw new Error("Cannot measure: there is no system");
      const rounds = await interleaved(bench, subjects, ({ name }) =>
        (name === "import" ? importRound : createRound)(bench, system),
      );
      const of = (name: string, what: (round: Round) => number) => rounds(name).map(what);
      const rate = ({ perSecond }: Round): number => perSecond;
      const rows: Row[] = [
        rowOf("creates answered", "/s", of("creates", rate)),
        rowOf("rows of an import", "/s", of("import", rate), {
          reference: of("creates", rate),
          goal: { atLeast: 0.8 },
        }),
      ];
      if (servers.cpu === undefined) return { rows, figures: [] };
      rows.push(
        rowOf("CPU a create, with its client", "ms CPU", of("creates", sum)),
        rowOf("CPU a row, with the command", "ms CPU", of("import", sum), { reference: of("creates", sum) }),
        rowOf(
          "memory of the command at its highest",
          "MB",
          of("import", ({ memoryMb }) => memoryMb),
          { goal: { atMost: 200 } },
        ),
      );
      return { rows, figures: [figureOf(rounds)] };
    });
  },
};
