/** What the benchmark shows: lines for the terminal, and a page that needs nothing but itself. */
import test from "ava";
import { type Figure, insteadOf, rowOf } from "../benchmark/harness/part.ts";
import { sampleOf } from "../benchmark/harness/stats.ts";
import { Console, progressText, tableLines } from "../benchmark/report/console.ts";
import { barsOf, page } from "../benchmark/report/page.ts";
import { plotOf } from "../benchmark/report/plots.ts";
import { judge, type Results } from "../benchmark/report/results.ts";
import { aligned, figure, withUnit } from "../benchmark/report/text.ts";
import { unframed } from "../support/frames.ts";

const rounds = [1_000, 1_010, 990, 1_000, 1_020];
const met = judge(rowOf("relay", "/s", rounds, { reference: rounds, goal: { atLeast: 0.85 } }));
const missed = judge(rowOf("a <b> & c", "ms", [5], { goal: { atMost: 1 }, note: "of one" }));
const noise = { cpuMs: sampleOf([30]), fsyncMs: sampleOf([1]), doubts: [] };

const lines: Figure = {
  kind: "lines",
  title: "Rate",
  unit: "/s",
  axis: "users",
  lines: [
    {
      name: "creates",
      points: [
        { x: 10_000, y: 900, low: 800, high: 1_000 },
        { x: 1_000_000, y: Number.NaN, low: Number.NaN, high: Number.NaN },
      ],
    },
  ],
};
const stacks: Figure = {
  kind: "stacks",
  title: "CPU",
  unit: "ms",
  stacks: [
    {
      label: "embedded",
      layers: [
        { name: "gateway", value: 1 },
        { name: "users", value: 2 },
      ],
    },
  ],
};

const results: Results = {
  date: "2026-01-01T00:00:00.000Z",
  seconds: 61,
  isComplete: false,
  machine: { cpu: "x", cores: 2, memoryGb: 4, system: "Linux", versions: { Node: "24" }, commit: "abc" },
  options: {
    parts: ["drains"],
    isQuick: true,
    scale: {
      ...{
        rounds: 1,
        warmsUp: false,
        seconds: 1,
        idleSeconds: 1,
        backlog: 1,
        peerBacklog: 1,
        peerSecondsMax: 1,
      },
      ...{
        usersBefore: [1],
        usersSearched: 1,
        sameAddress: 10,
        longBacklog: 1,
        instances: [1],
        importRows: 1,
        events: 1,
        usersMany: 1,
      },
    },
  },
  noise: { ...noise, doubts: ["too noisy: <it>"] },
  calibrations: [],
  parts: [
    {
      ...{ name: "drains", title: "Drains", about: "What is compared.", seconds: 5 },
      ...{ noise, rows: [met, missed], figures: [lines, stacks] },
    },
    {
      ...{ name: "idle", title: "Idle", about: "Nothing.", seconds: 5 },
      ...{ noise, rows: [], figures: [], failure: "no <server>" },
    },
  ],
};

test("figures have the digits that count", (t) => {
  t.deepEqual([12_345.6, 123.4, 12.34, 1.234, 0, Number.NaN].map(figure), [
    "12,346",
    "123",
    "12.3",
    "1.23",
    "0.00",
    "–",
  ]);
  t.is(withUnit(5, "/s"), "5.00/s");
  t.is(withUnit(5, "ms"), "5.00 ms");
});

test("columns stand below each other", (t) => {
  t.deepEqual(
    aligned([
      ["a", "1", "x"],
      ["long", "22", ""],
    ]),
    ["a      1  x", "long  22"],
  );
});

test("a row tells its ratio, its goal, what became of it, and why that is in doubt", (t) => {
  const [first, second, note] = tableLines([met, missed]);
  t.regex(first ?? "", /^relay +1,000\/s +±0 % +× 1\.00 +≥ 0\.85 +✔ met$/);
  t.regex(second ?? "", /^a <b> & c +5\.00 ms.* ≤ 1 +✘ missed \(too few rounds: 1, a goal is judged by 5\)$/);
  t.is(note, "    (of one)");
});

test("progress tells what is being done and what is left", (t) => {
  t.is(progressText("round 1", 20_000, 5, 20), "[#####...............] 5 of 20, round 1, 60 s left");
  t.is(progressText("round 1", 0, 0, 20), "[....................] 0 of 20, round 1");
  t.is(progressText("waiting", 10), "… waiting");
});

test("without a terminal progress is a line now and then, with one it stays in place", (t) => {
  const written: string[] = [];
  const screen = { write: (text: string) => written.push(text) };
  const plain = new Console(screen);
  for (const text of ["one", "two", "three"]) plain.progress(text);
  t.deepEqual(written, ["  … one\n"]);
  written.length = 0;
  const terminal = new Console({ ...screen, isTTY: true });
  for (const text of ["one", "two"]) terminal.progress(text);
  terminal.line("done");
  t.deepEqual(written, ["\r\u001b[K  … one", "\r\u001b[K  … two", "\r\u001b[Kdone\n"]);
});

test("rows that share a unit share a plot", (t) => {
  t.deepEqual(
    barsOf([met, missed]).map(({ unit, bars }) => [unit, bars.map(({ label }) => label)]),
    [
      ["/s", ["relay"]],
      ["ms", ["a <b> & c"]],
    ],
  );
});

test("the page holds every part, goal and failure, with names as text", (t) => {
  const html = page(results);
  for (const text of [
    "1 of 2 met",
    "What is compared.",
    "a &lt;b&gt; &amp; c",
    "no &lt;server&gt;",
    "not complete",
  ])
    t.true(html.includes(text), text);
  t.true(html.includes("too noisy: &lt;it&gt;"));
  t.false(html.includes("<b>"));
});

test("the page fits a telephone: each table and plot scrolls in a frame of its own", (t) => {
  t.deepEqual(unframed(page(results)), []);
});

test("the page needs no network, no script and no other file", (t) => {
  const html = page(results);
  t.notRegex(html, /<script|<link|<img|@import|url\(|https?:|src=|href=/);
});

test("no plot has a coordinate that is no number, whatever was measured", (t) => {
  const empty: Figure = {
    kind: "bars",
    title: "none",
    unit: "/s",
    bars: [{ label: "nothing", sample: sampleOf([]) }],
  };
  for (const each of [lines, stacks, empty]) t.notRegex(plotOf(each), /NaN|Infinity|undefined/);
});

test("a row that is judged by something else says by what, and why", (t) => {
  const row = judge(
    rowOf("creates", "/s", [50, 80, 100, 150, 200], {
      reference: [100, 100, 100, 100, 100],
      goal: { atLeast: 1.1 },
      instead: insteadOf("CPU a create", [8, 8, 8, 8, 8], [10, 10, 10, 10, 10], { atMost: 0.85 }),
    }),
  );
  const said =
    "✔ met by CPU a create, × 0.80 (≤ 0.85), for the row itself is too noisy: its rounds spread by 70 %, at most 20 %";
  t.true(tableLines([row])[0]?.endsWith(said), tableLines([row])[0]);
  t.regex(page({ ...results, parts: [{ ...results.parts[0], rows: [row] } as never] }), /1 judged by CPU/);
});
