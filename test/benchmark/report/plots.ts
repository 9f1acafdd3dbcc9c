/** Figures as inline SVG: bars with their range, stacked bars, lines. Nothing of it needs a network or a script. Pure. */
import type { Bars, Figure, Lines, Point, Stacks } from "../harness/part.ts";
import { figure as number, withUnit } from "./text.ts";

const width = 860;
const labelWidth = 330;
const valueWidth = 110;
const rowHeight = 26;
const barHeight = 14;
const legendHeight = 24;
const charPx = 6.6;

/** Told apart by everyone (Okabe and Ito), and on white as on black. */
const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6b6b6b", "#b8a800"];
export const colourOf = (index: number): string => colours[index % colours.length] ?? "#000";

export const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const px = (value: number): string => (Number.isFinite(value) ? value : 0).toFixed(1);
const text = (x: number, y: number, what: string, anchor: "start" | "middle" | "end" = "start"): string =>
  `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}">${escaped(what)}</text>`;
const line = (x1: number, y1: number, x2: number, y2: number, kind: string): string =>
  `<line class="${kind}" x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${px(y2)}"/>`;
const svg = (title: string, height: number, body: string): string =>
  `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">${body}</svg>`;

const finite = (values: readonly number[]): number[] => values.filter((value) => Number.isFinite(value));
/** Never 0, so that it can be divided by. */
const peakOf = (values: readonly number[]): number => Math.max(...finite(values), 0) || 1;
const shortened = (label: string): string => {
  const charsMax = Math.floor(labelWidth / charPx);
  return label.length > charsMax ? `${label.slice(0, charsMax - 1)}…` : label;
};

/** A bar to the median, and a whisker from the least to the most of the rounds. */
function bars({ title, unit, bars: all }: Bars): string {
  const room = width - labelWidth - valueWidth;
  const scale = room / peakOf(all.map(({ sample }) => sample.max));
  const rows = all.map(({ label, sample }, index) => {
    const y = index * rowHeight + rowHeight / 2;
    const [low, high] = [labelWidth + sample.min * scale, labelWidth + sample.max * scale];
    const tip = `${label}: ${withUnit(sample.median, unit)}, ${number(sample.min)} to ${number(sample.max)} in ${sample.rounds.length} rounds`;
    return [
      `<g><title>${escaped(tip)}</title>`,
      text(labelWidth - 8, y + 4, shortened(label), "end"),
      `<rect fill="${colourOf(0)}" fill-opacity=".75" x="${labelWidth}" y="${px(y - barHeight / 2)}" width="${px(sample.median * scale)}" height="${barHeight}"/>`,
      line(low, y, high, y, "range"),
      line(low, y - 4, low, y + 4, "range"),
      line(high, y - 4, high, y + 4, "range"),
      text(labelWidth + room + 8, y + 4, withUnit(sample.median, unit)),
      "</g>",
    ].join("");
  });
  return svg(title, all.length * rowHeight, rows.join(""));
}

function legend(names: readonly string[], y: number): string {
  let x = 0;
  return names
    .map((name, index) => {
      const at = x;
      x += 26 + name.length * charPx;
      return `<rect fill="${colourOf(index)}" x="${px(at)}" y="${px(y)}" width="11" height="11"/>${text(at + 15, y + 10, name)}`;
    })
    .join("");
}

function stacks({ title, unit, stacks: all }: Stacks): string {
  const names = [...new Set(all.flatMap(({ layers }) => layers.map(({ name }) => name)))];
  const sums = all.map(({ layers }) => layers.reduce((sum, { value }) => sum + value, 0));
  const room = width - labelWidth - valueWidth;
  const scale = room / peakOf(sums);
  const rows = all.map(({ label, layers }, index) => {
    const y = legendRows(names) * legendHeight + index * rowHeight + rowHeight / 2;
    let x = labelWidth;
    const parts = layers.map(({ name, value }) => {
      const at = x;
      x += value * scale;
      return `<rect fill="${colourOf(names.indexOf(name))}" x="${px(at)}" y="${px(y - barHeight / 2)}" width="${px(value * scale)}" height="${barHeight}"><title>${escaped(`${label}, ${name}: ${withUnit(value, unit)}`)}</title></rect>`;
    });
    const sum = text(labelWidth + room + 8, y + 4, withUnit(sums[index] ?? 0, unit));
    return `${text(labelWidth - 8, y + 4, shortened(label), "end")}${parts.join("")}${sum}`;
  });
  const height = legendRows(names) * legendHeight + all.length * rowHeight;
  return svg(title, height, `${legends(names)}${rows.join("")}`);
}

const perLegendRow = 4;
const legendRows = (names: readonly string[]): number => Math.ceil(names.length / perLegendRow);

/** Several rows of names where one is too long. */
function legends(names: readonly string[]): string {
  const columnWidth = width / perLegendRow;
  return names
    .map((name, index) => {
      const x = (index % perLegendRow) * columnWidth;
      const y = Math.floor(index / perLegendRow) * legendHeight + 2;
      return `<rect fill="${colourOf(index)}" x="${px(x)}" y="${px(y)}" width="11" height="11"/>${text(x + 15, y + 10, name)}`;
    })
    .join("");
}

const plot = { left: 70, right: 30, top: 34, height: 240, bottom: 40 } as const;
/** Beyond that an axis is drawn by its logarithm. */
const linearRangeMax = 50;

type Place = (value: number) => number;

function placeOnX(points: readonly Point[]): Place {
  const values = finite(points.map(({ x }) => x));
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const isLog = least > 0 && most / least > linearRangeMax;
  const of = (value: number): number => (isLog ? Math.log(value) : value);
  const range = of(most) - of(least) || 1;
  return (value) => plot.left + ((of(value) - of(least)) / range) * (width - plot.left - plot.right);
}

const roundSteps = [1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10];

/** The next number whose quarters are easy to read. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * (roundSteps.find((step) => step * power >= value) ?? 10);
}

function frame(peak: number, xs: readonly number[], x: Place, y: Place, axis: string): string {
  const levels = [0, 0.25, 0.5, 0.75, 1].map((share) => share * peak);
  const bottom = plot.top + plot.height;
  return [
    ...levels.map(
      (level) =>
        `${line(plot.left, y(level), width - plot.right, y(level), "rule")}${text(plot.left - 6, y(level) + 4, number(level), "end")}`,
    ),
    ...xs.map((value) => text(x(value), bottom + 18, value.toLocaleString("en"), "middle")),
    text(width - plot.right, bottom + 35, axis, "end"),
  ].join("");
}

function oneLine(points: readonly Point[], colour: string, x: Place, y: Place, unit: string): string {
  const known = points.filter((point) => Number.isFinite(point.y));
  const path = known.map((point) => `${px(x(point.x))},${px(y(point.y))}`).join(" ");
  const marks = known.map(
    (point) =>
      `<g stroke="${colour}"><title>${escaped(`${point.x.toLocaleString("en")}: ${withUnit(point.y, unit)}, ${number(point.low)} to ${number(point.high)}`)}</title>${line(x(point.x), y(point.low), x(point.x), y(point.high), "whisker")}<circle fill="${colour}" cx="${px(x(point.x))}" cy="${px(y(point.y))}" r="3.5"/></g>`,
  );
  return `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${path}"/>${marks.join("")}`;
}

function lines({ title, unit, axis, lines: all }: Lines): string {
  const points = all.flatMap((each) => each.points);
  const peak = roundUp(peakOf(points.map(({ high }) => high)));
  const x = placeOnX(points);
  const y: Place = (value) => plot.top + plot.height - (value / peak) * plot.height;
  const xs = [...new Set(points.map((point) => point.x))];
  const drawn = all.map((each, index) => oneLine(each.points, colourOf(index), x, y, unit));
  const names = legend(
    all.map(({ name }) => `${name} (${unit})`),
    4,
  );
  const body = `${names}${frame(peak, xs, x, y, axis)}${drawn.join("")}`;
  return svg(title, plot.top + plot.height + plot.bottom, body);
}

export function plotOf(figure: Figure): string {
  switch (figure.kind) {
    case "bars":
      return bars(figure);
    case "stacks":
      return stacks(figure);
    case "lines":
      return lines(figure);
  }
}
