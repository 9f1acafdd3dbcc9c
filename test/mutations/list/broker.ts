/** What the broker says, and what a broker's login may do: guarantee 26. */
import { edit, type Mutation } from "../mutation.ts";
import { becomes, call, condition, drops, never, property, statement, use } from "../operators.ts";

const brokerTextTest = "test/integration/broker-text.test.ts";
const refusalsTest = "test/system/broker-refusals.test.ts";

export const broker: readonly Mutation[] = [
  {
    name: "refusal-at-opening-lost",
    guarantee: "26a",
    edits: [edit("mixins/bus/broker-text.ts", "", drops(statement("../patches/amqplib-opening.ts")))],
    file: brokerTextTest,
    title: "a virtual host that is not there is told in the broker's words",
  },
  {
    name: "refused-is-only-closed",
    guarantee: "26a",
    edits: [edit("mixins/bus/confirms.ts", "confirmsOf", becomes(call("brokerText"), "undefined"))],
    file: brokerTextTest,
    title: "an event that may not be published is refused in the broker's words",
  },
  {
    name: "mute-without-its-channel",
    guarantee: "26a",
    edits: [
      edit(
        "mixins/patches/moleculer-amqp.ts",
        "TransientAmqp.follow",
        becomes(condition("channelDisconnecting"), "!($)"),
      ),
      // The second line: nothing of ours comes back, so the connection is given up.
      edit(
        "mixins/moleculer/call-transporter.ts",
        "CallTransporter.#listen",
        becomes(condition("look"), never),
      ),
    ],
    file: refusalsTest,
    title: "a process whose channel for calls the broker has closed connects anew",
  },
  {
    name: "node-options-open",
    guarantee: "26b",
    edits: [edit("moleculer.config.ts", "closedNodeActions", drops(property("options")))],
    file: "test/system/node-internals.test.ts",
    title:
      "a process tells another neither its password at the broker nor whose it is, whatever is asked of $node",
  },
  {
    name: "whole-error-is-read",
    guarantee: "26c",
    edits: [
      edit("mixins/bus/dead-letter-cause.ts", "errorClass", becomes(call("slice", "errorCharsMax"), "error")),
    ],
    file: "test/unit/dead-letters.test.ts",
    title: "of an error of any length only as much is read as we write of one",
  },
  {
    name: "version-headroom",
    guarantee: "26d",
    edits: [
      edit("mixins/bus/event-parsing.ts", "parseEvent", becomes(condition("versionWithHeadroomMax"), "true")),
    ],
    file: "test/unit/event-parsing.test.ts",
    title: "a version without room for another is refused: its user could never be written again",
  },
  {
    name: "jump-of-any-size",
    guarantee: "26d",
    edits: [edit("services/users/rules.ts", "decideReemit", becomes(condition("aboveMax"), "false"))],
    file: "test/integration/users-writes.test.ts",
    title: "a user is told again at most 10,000 versions on, and stays writable",
  },
  {
    name: "one-refusal-ends-the-repair",
    guarantee: "26d",
    edits: [
      edit(
        "services/reconciler/work.ts",
        "repair.isToldAgain",
        becomes(condition("Refusal"), '$ || error.type === "invalid-fields"'),
      ),
    ],
    file: "test/integration/reconciler.test.ts",
    title: "a user of whom an absurd version was heard is repaired by nothing, and keeps no other from it",
  },
  {
    name: "rest-is-complete",
    guarantee: "26e",
    edits: [
      edit(
        "services/trace/pages.ts",
        "firstPage",
        becomes(property("counts"), "{ ...counts, complete: (counts.complete ?? 0) + left }"),
      ),
    ],
    file: "test/integration/trace.test.ts",
    title: "of thousands of writes each is counted by its verdict, and what was not looked at is unknown",
  },
  {
    name: "refusal-is-away",
    guarantee: "26e",
    edits: [edit("services/trace/gather.ts", "reasonOf", becomes(use("misunderstanding"), '"is away"'))],
    file: "test/integration/trace.test.ts",
    title: "who does not understand the question is there, and is told as such",
  },
  {
    name: "whoever-is-served-waits",
    guarantee: "13b",
    edits: [
      edit(
        "mixins/postgres/pool-figures.ts",
        "poolFigures",
        becomes(call("max", "waitingCount"), "waitingCount"),
      ),
    ],
    file: "test/system/quiet-alerts.test.ts",
    title: "every alert is quiet on a live system, idle and under ordinary load",
  },
];
