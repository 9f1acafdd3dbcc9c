/** The page of a run: a timeline of faults, throughput, errors and lag as one SVG, and the numbers. No script. */
import { framed, frameStyle } from "../support/frames.ts";
import type { FaultRecord } from "./faults.ts";
import type { RunResult } from "./run.ts";
import { faultKinds } from "./schedule.ts";
import type { Summary } from "./summary.ts";

const width = 1_400;
const leftMargin = 220;
const rowHeight = 18;
const graphHeight = 120;
const gap = 34;

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

type X = (ms: number) => string;

function faultRows(faults: readonly FaultRecord[], x: X): string {
  return faultKinds
    .map((kind, row) => {
      const y = row * rowHeight;
      const bars = faults
        .filter((fault) => fault.kind === kind)
        .map((fault) => {
          const end = fault.endedMs ?? fault.startedMs;
          const length = Math.max(3, Number(x(end)) - Number(x(fault.startedMs)));
          const title = `#${fault.number} ${kind}: ${fault.target}, ${fault.startedMs}–${end} ms ${fault.problem ?? ""}`;
          return `<rect class="${fault.problem === undefined ? "fault" : "odd"}" x="${x(fault.startedMs)}" y="${y + 3}" width="${length.toFixed(1)}" height="${rowHeight - 6}"><title>${escaped(title)}</title></rect>`;
        })
        .join("");
      return `<text class="label" x="${leftMargin - 8}" y="${y + 13}">${kind}</text><line class="rule" x1="${leftMargin}" x2="${width}" y1="${y + rowHeight}" y2="${y + rowHeight}"/>${bars}`;
    })
    .join("");
}

interface Series {
  readonly name: string;
  readonly style: string;
  readonly points: readonly (readonly [number, number])[];
}

function graph(top: number, title: string, series: readonly Series[], x: X): string {
  const peak = Math.max(1, ...series.flatMap(({ points }) => points.map(([, value]) => value)));
  const y = (value: number): string => (top + graphHeight - (value / peak) * graphHeight).toFixed(1);
  const lines = series.map(
    ({ style, points }) =>
      `<polyline class="${style}" points="${points.map(([at, value]) => `${x(at)},${y(value)}`).join(" ")}"/>`,
  );
  const legend = series.map(
    ({ name, style }, index) =>
      `<text class="legend ${style}-text" x="${leftMargin - 8}" y="${top + 46 + index * 15}">${escaped(name)}</text>`,
  );
  return `<text class="label" x="${leftMargin - 8}" y="${top + 12}">${escaped(title)}</text><text class="label" x="${leftMargin - 8}" y="${top + 28}">peak ${peak.toFixed(0)}</text><line class="rule" x1="${leftMargin}" x2="${width}" y1="${top + graphHeight}" y2="${top + graphHeight}"/>${legend.join("")}${lines.join("")}`;
}

function seriesOf({ journal, samples, phases }: RunResult) {
  const seconds = Array.from({ length: Math.ceil(phases.endMs / 1_000) }, (_, index) => index);
  const count = (second: number, wanted: (status: number) => boolean) =>
    [...(journal.statuses.get(second) ?? [])].reduce((sum, [status, n]) => sum + (wanted(status) ? n : 0), 0);
  const bySecond = (value: (second: number) => number) =>
    seconds.map((second) => [second * 1_000, value(second)] as const);
  const seen = samples.flatMap(({ atMs, lag }) => (lag === undefined ? [] : [{ atMs, lag }]));
  return {
    throughput: [
      {
        name: "acknowledged",
        style: "good",
        points: bySecond((second) => journal.acknowledgedBySecond.get(second) ?? 0),
      },
    ],
    errors: [
      { name: "503", style: "bad", points: bySecond((second) => count(second, (status) => status >= 500)) },
      {
        name: "no answer",
        style: "dim",
        points: bySecond((second) => count(second, (status) => status === 0)),
      },
    ],
    lag: [
      { name: "outbox", style: "good", points: seen.map(({ atMs, lag }) => [atMs, lag.outbox] as const) },
      { name: "audit", style: "bad", points: seen.map(({ atMs, lag }) => [atMs, lag.audit] as const) },
      { name: "registry", style: "dim", points: seen.map(({ atMs, lag }) => [atMs, lag.registry] as const) },
    ],
  };
}

function svg(result: RunResult): string {
  const { phases, faults } = result;
  const scale = (width - leftMargin) / Math.max(1, phases.endMs);
  const x: X = (ms) => (leftMargin + ms * scale).toFixed(1);
  const top = faultKinds.length * rowHeight + gap;
  const step = graphHeight + gap;
  const { throughput, errors, lag } = seriesOf(result);
  const height = top + 3 * step;
  const marks = [
    [phases.faultsFromMs, "faults begin"],
    [phases.faultsToMs, "faults end"],
  ] as const;
  const lines = marks.map(
    ([at, name]) =>
      `<line class="mark" x1="${x(at)}" x2="${x(at)}" y1="0" y2="${height}"/><text class="note" x="${x(at)}" y="${height - 4}">${name}, ${(at / 1_000).toFixed(0)} s</text>`,
  );
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Timeline of the run">${lines.join("")}${faultRows(faults, x)}${graph(top, "writes a second", throughput, x)}${graph(top + step, "failed attempts a second", errors, x)}${graph(top + 2 * step, "events behind", lag, x)}</svg>`;
}

const styles = `:root{color-scheme:light dark;--ink:#1d2733;--paper:#fff;--dim:#8894a3;--good:#1f7a4d;--bad:#b3361e;--rule:#dde3ea}
@media(prefers-color-scheme:dark){:root{--ink:#dfe7f0;--paper:#12171d;--dim:#8090a2;--good:#4cc38a;--bad:#ff7a5c;--rule:#26303b}}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:90rem;padding:0 1rem;color:var(--ink);background:var(--paper)}
svg{width:100%;height:auto}.label,.legend,.note{font-size:12px;fill:var(--ink);text-anchor:end}.note{text-anchor:start;fill:var(--dim)}
.rule{stroke:var(--rule)}.mark{stroke:var(--dim);stroke-dasharray:4 4}.fault{fill:var(--bad);opacity:.75}.odd{fill:var(--dim)}
polyline{fill:none;stroke-width:1.5}.good{stroke:var(--good)}.bad{stroke:var(--bad)}.dim{stroke:var(--dim)}
.good-text{fill:var(--good)}.bad-text{fill:var(--bad)}.dim-text{fill:var(--dim)}
table{border-collapse:collapse}td{padding:.15rem 1rem .15rem 0;border-bottom:1px solid var(--rule);vertical-align:top}
${frameStyle("64rem")}
td:last-child{overflow-wrap:anywhere;min-width:10rem}`;

/** Everything is inside it; it opens from a disk without a network. */
export function page(result: RunResult, summary: Summary): string {
  const rows = Object.entries(summary).map(
    ([name, value]) =>
      `<tr><td>${escaped(name)}</td><td>${escaped(JSON.stringify(value) ?? "none")}</td></tr>`,
  );
  const found = result.violations.map(
    ({ check, userId, what }) =>
      `<tr><td>${escaped(check)}</td><td>${escaped(userId ?? "")}</td><td>${escaped(what)}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>mailroster chaos, seed ${result.seed}</title><style>${styles}</style></head>
<body><h1>Chaos with seed ${result.seed}: ${summary.verdict}</h1>
${framed("Timeline", svg(result))}
${found.length === 0 ? "" : `<h2>Violations</h2>${framed("Violations", `<table>${found.join("")}</table>`)}`}
<h2>Numbers</h2>${framed("Numbers", `<table>${rows.join("")}</table>`)}</body></html>
`;
}
