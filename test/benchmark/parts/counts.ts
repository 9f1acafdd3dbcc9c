/** What pure functions of the hot path cost by count, beside what was accepted: the same on every machine. */
import { acceptedCounts, type Cost, growthMax, measureCounts } from "../counts/counts.ts";
import { type Outcome, type Part, type Row, rowOf } from "../harness/part.ts";

const units = { tokens: "tokens", bytes: "bytes" } as const satisfies Record<keyof Cost, string>;

export const countsPart: Part = {
  name: "counts",
  title: "Counts: pure functions of the hot path",
  about:
    "One call of each, interpreted: tokens of JavaScript that run, by V8's precise coverage, and bytes that it allocates. No clock is in it, so it is the same in every run. The ratio is to what was accepted (counts.json); bytes are compared only on the Node that they were accepted on.",
  needsNoServers: true,
  async run(): Promise<Outcome> {
    const [accepted, now] = [acceptedCounts(), await measureCounts()];
    const compared = (what: keyof Cost): boolean => what === "tokens" || accepted.node === now.node;
    const row = (name: string, what: keyof Cost): Row => {
      const before = accepted.costs[name]?.[what];
      const more =
        before === undefined || !compared(what) ? {} : { reference: [before], goal: { atMost: growthMax } };
      return rowOf(`${name}: ${what}`, units[what], [now.costs[name]?.[what] ?? Number.NaN], {
        ...more,
        isExact: true,
      });
    };
    const names = Object.keys(now.costs);
    const rows = (["tokens", "bytes"] as const).flatMap((what) => names.map((name) => row(name, what)));
    return { rows, figures: [] };
  },
};
