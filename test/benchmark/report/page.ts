/** The page of a run: goals first, then each part with its rows and its plots. It opens from a disk without a network. */

import { framed, frameStyle } from "../../support/frames.ts";
import type { MachineNoise } from "../harness/noise.ts";
import type { Bars, Figure } from "../harness/part.ts";
import { escaped, plotOf } from "./plots.ts";
import type { JudgedRow, PartResult, Results } from "./results.ts";
import { cellsOf, duration, figure, judgedByText, spreadText } from "./text.ts";

const styles = `:root{color-scheme:light dark;--ink:#1d2733;--paper:#fff;--dim:#5b6876;--rule:#dde3ea;--good:#1f7a4d;--bad:#b3361e;--doubt:#8a6100;--noisy:#fff4d6;--failed:#fde8e4}
@media(prefers-color-scheme:dark){:root{--ink:#dfe7f0;--paper:#12171d;--dim:#98a6b5;--rule:#26303b;--good:#4cc38a;--bad:#ff7a5c;--doubt:#e6b450;--noisy:#33290f;--failed:#3a1d17}}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:var(--ink);background:var(--paper)}
h1{margin-bottom:.2rem}h2{margin-top:2.6rem;border-top:1px solid var(--rule);padding-top:1.2rem}h3{margin:1.6rem 0 .4rem;font-size:1rem}
p{margin:.4rem 0}.dim{color:var(--dim)}.noisy{background:var(--noisy);border-left:4px solid #e69f00;padding:.4rem .8rem}
.failed{background:var(--failed);border-left:4px solid var(--bad);padding:.4rem .8rem}
table{border-collapse:collapse;width:100%;font-size:.92rem}th,td{padding:.2rem .8rem .2rem 0;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}.met{color:var(--good)}.missed{color:var(--bad)}.doubt{color:var(--doubt)}
svg{width:100%;height:auto;display:block}svg text{font:12px system-ui,sans-serif;fill:var(--ink)}
.rule{stroke:var(--rule)}.range{stroke:var(--ink);stroke-width:1.2}.whisker{stroke-width:1.2;stroke-opacity:.6}
td:first-child{min-width:11rem}td:last-child{min-width:9rem}
${frameStyle("46rem")}`;

const headings = ["", "median", "spread", "ratio", "goal", "verdict"];

function tableRow(row: JudgedRow): string {
  const [what = "", median = "", spread = "", ratio = "", goal = ""] = cellsOf(row).map(escaped);
  const note = row.note === undefined ? "" : `<br><span class="dim">${escaped(row.note)}</span>`;
  const verdict = row.verdict === undefined ? "" : `<span class="${row.verdict}">${row.verdict}</span>`;
  const by = row.by === undefined ? "" : `<span class="doubt">${escaped(judgedByText(row))}</span>`;
  const doubts = row.doubts.map((doubt) => `<span class="doubt">${escaped(doubt)}</span>`);
  const numbers = [median, spread, ratio, goal].map((cell) => `<td class="n">${cell}</td>`);
  const last = [verdict, by, ...doubts].filter((cell) => cell !== "").join("<br>");
  return `<tr><td>${what}${note}</td>${numbers.join("")}<td>${last}</td></tr>`;
}

function table(rows: readonly JudgedRow[]): string {
  const heads = headings.map(
    (text, index) => `<th${index > 0 && index < 5 ? ' class="n"' : ""}>${text}</th>`,
  );
  const body = `<tbody>${rows.map(tableRow).join("")}</tbody>`;
  return framed("Rows", `<table><thead><tr>${heads.join("")}</tr></thead>${body}</table>`);
}

/** Bars of all rows that share a unit. */
export function barsOf(rows: readonly JudgedRow[]): Bars[] {
  const units = [...new Set(rows.map(({ unit }) => unit))];
  return units.map((unit) => ({
    kind: "bars",
    title: `Median and range of the rounds, ${unit}`,
    unit,
    bars: rows.filter((row) => row.unit === unit).map(({ what, sample }) => ({ label: what, sample })),
  }));
}

const figureHtml = (figure: Figure): string =>
  `<h3>${escaped(figure.title)}</h3>${framed("Plot", plotOf(figure))}`;

const noiseText = (what: string, { doubts }: MachineNoise): string =>
  doubts.length === 0 ? "" : `<p class="noisy">${escaped(`${what}: ${doubts.join("; ")}.`)}</p>`;

function partHtml(part: PartResult): string {
  const head = `<h2 id="${escaped(part.name)}">${escaped(part.title)}</h2><p>${escaped(part.about)}</p>`;
  const took = `<p class="dim">npm run bench -- ${escaped(part.name)}; took ${duration(part.seconds)}</p>`;
  if (part.failure !== undefined)
    return `${head}${took}<p class="failed">It could not be measured: ${escaped(part.failure)}</p>`;
  const figures = [...barsOf(part.rows), ...part.figures].map(figureHtml);
  const noise = noiseText("The machine was too noisy while this ran", part.noise);
  return `${head}${took}${noise}${table(part.rows)}${figures.join("")}`;
}

function goalsHtml(parts: readonly PartResult[]): string {
  const rows = parts.flatMap(({ name, rows: all }) =>
    all.filter(({ goal }) => goal !== undefined).map((row) => ({ ...row, what: `${name}: ${row.what}` })),
  );
  if (rows.length === 0) return "";
  const met = rows.filter(({ verdict }) => verdict === "met").length;
  const doubtful = rows.filter(({ doubts }) => doubts.length > 0).length;
  const byCpu = rows.filter(({ by }) => by !== undefined).length;
  const sum = `${met} of ${rows.length} met, ${byCpu} judged by CPU because their rate is too noisy, ${doubtful} in doubt`;
  return `<h2>Goals</h2><p>${sum}. A goal is a bound on the median of the ratios round by round, or on the median where there is no ratio.</p>${table(rows)}`;
}

function headHtml({ date, seconds, machine, options, noise, isComplete }: Results): string {
  const { cpu, cores, memoryGb, system, versions, commit } = machine;
  const facts = [
    `${date}, ${duration(seconds)}${isComplete ? "" : ", not complete"}`,
    `${cpu}, ${cores} cores, ${figure(memoryGb)} GB, ${system}`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
    `commit ${commit}`,
    `rounds: ${options.scale.rounds}, of ${options.scale.seconds} s each${options.isQuick ? ", quick: right in form only" : ""}`,
    `between the rounds: a fixed task of the processor ${figure(noise.cpuMs.median)} ms ${spreadText(noise.cpuMs)}, a disk sync ${figure(noise.fsyncMs.median)} ms ${spreadText(noise.fsyncMs)}`,
  ];
  return facts.map((fact) => `<p class="dim">${escaped(fact)}</p>`).join("");
}

/** One self-contained page. */
export function page(results: Results): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>mailroster benchmark, ${escaped(results.date)}</title><style>${styles}</style></head>
<body><h1>mailroster benchmark</h1>
${headHtml(results)}
${noiseText("The machine was too noisy during the run", results.noise)}
${goalsHtml(results.parts)}
${results.parts.map(partHtml).join("\n")}
</body></html>
`;
}
