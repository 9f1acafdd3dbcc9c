/** What the broker says, and what a broker's login may do: guarantee 26. */
import type { Mutation } from "../mutation.ts";

const brokerTextTest = "test/integration/broker-text.test.ts";
const refusalsTest = "test/system/broker-refusals.test.ts";

export const broker: readonly Mutation[] = [
  {
    name: "refusal-at-opening-lost",
    guarantee: "26a",
    edits: [{ file: "mixins/bus/broker-text.ts", find: 'import "./refusal-at-opening.ts";\n', replace: "" }],
    file: brokerTextTest,
    title: "a virtual host that is not there is told in the broker's words",
  },
  {
    name: "refused-is-only-closed",
    guarantee: "26a",
    edits: [
      {
        file: "mixins/bus/confirms.ts",
        find: 'refusal ?? "the channel was closed"',
        replace: '"the channel was closed"',
      },
    ],
    file: brokerTextTest,
    title: "an event that may not be published is refused in the broker's words",
  },
  {
    name: "mute-without-its-channel",
    guarantee: "26a",
    edits: [
      {
        file: "mixins/moleculer/call-transporter.ts",
        find: "if (!this.channelDisconnecting) setImmediate",
        replace: "if (this.channelDisconnecting) setImmediate",
      },
    ],
    file: refusalsTest,
    title: "a process whose channel for calls the broker has closed connects anew",
  },
  {
    name: "node-options-open",
    guarantee: "26b",
    edits: [
      {
        file: "moleculer.config.ts",
        find: "{ options: false, health: false, metrics: false }",
        replace: "{ health: false, metrics: false }",
      },
    ],
    file: "test/system/node-internals.test.ts",
    title:
      "a process tells another neither its password at the broker nor whose it is, whatever is asked of $node",
  },
  {
    name: "whole-error-is-read",
    guarantee: "26c",
    edits: [
      {
        file: "mixins/bus/dead-letter-cause.ts",
        find: "error.slice(0, errorCharsMax).replaceAll",
        replace: "error.replaceAll",
      },
    ],
    file: "test/unit/dead-letters.test.ts",
    title: "of an error of any length only as much is read as we write of one",
  },
  {
    name: "version-headroom",
    guarantee: "26d",
    edits: [
      {
        file: "mixins/bus/event-parsing.ts",
        find: "result.success && result.data.sequence <= versionWithHeadroomMax",
        replace: "result.success && versionWithHeadroomMax > 0",
      },
    ],
    file: "test/unit/event-parsing.test.ts",
    title: "a version without room for another is refused: its user could never be written again",
  },
  {
    name: "jump-of-any-size",
    guarantee: "26d",
    edits: [
      {
        file: "services/users/rules.ts",
        find: "  if (above > aboveMax) {",
        replace: "  if (above > aboveMax + 2 ** 53) {",
      },
    ],
    file: "test/integration/users-writes.test.ts",
    title: "a user is told again at most 10,000 versions on, and stays writable",
  },
  {
    name: "one-refusal-ends-the-repair",
    guarantee: "26d",
    edits: [
      {
        file: "services/reconciler/work.ts",
        find: "if (!(error instanceof Refusal)) throw error;",
        replace: 'if (!(error instanceof Refusal) || error.type === "invalid-fields") throw error;',
      },
    ],
    file: "test/integration/reconciler.test.ts",
    title: "a user of whom an absurd version was heard is repaired by nothing, and keeps no other from it",
  },
  {
    name: "rest-is-complete",
    guarantee: "26e",
    edits: [
      {
        file: "services/trace/tell.ts",
        find: "unknown: (counts.unknown ?? 0) + left",
        replace: "complete: (counts.complete ?? 0) + left",
      },
    ],
    file: "test/integration/trace.test.ts",
    title: "of thousands of writes each is counted by its verdict, and what was not looked at is unknown",
  },
  {
    name: "refusal-is-away",
    guarantee: "26e",
    edits: [
      {
        file: "services/trace/gather.ts",
        find: "return isRefused ? notUnderstood",
        replace: "return isRefused && false ? notUnderstood",
      },
    ],
    file: "test/integration/trace.test.ts",
    title: "who does not understand the question is there, and is told as such",
  },
  {
    name: "whoever-is-served-waits",
    guarantee: "13b",
    edits: [
      {
        file: "mixins/postgres/pool-figures.ts",
        find: "Math.max(0, waitingCount - free)",
        replace: "Math.max(0, waitingCount - 0 * free)",
      },
    ],
    file: "test/system/quiet-alerts.test.ts",
    title: "every alert is quiet on a live system, idle and under ordinary load",
  },
];
