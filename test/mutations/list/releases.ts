/** What a release of an address promises, and a pass that is kept: guarantee 55. */
import { edit, type Mutation } from "../mutation.ts";
import { becomes, call, condition, drops, property, statement } from "../operators.ts";

const file = "test/integration/address-release.test.ts";
const passes = "test/integration/reconciliations.test.ts";
const forGood =
  "what was released is anybody's at once, and no event, repair or restore keeps it again, over in-process";

export const releases: readonly Mutation[] = [
  {
    name: "release-is-forgotten",
    guarantee: "55a",
    edits: [
      edit("services/smtp-registry/history.ts", "held", becomes(condition("state", "deleted"), "false")),
    ],
    file,
    title: forGood,
  },
  {
    name: "release-waits-for-its-event",
    guarantee: "55a",
    edits: [
      edit("services/users/release.ts", "releaseOfUser", becomes(call("free"), "Promise.resolve()")),
      edit("services/users/reemit.ts", "commitPlanned", becomes(call("nudge"), "undefined")),
    ],
    file,
    title: forGood,
  },
  {
    name: "registry-is-not-told",
    guarantee: "55b",
    edits: [edit("services/users/release.ts", "releaseOfNobody", drops(statement("upsert")))],
    file,
    title: "what an erased person has left is released too, also when the registry hears of it later",
  },
  {
    name: "release-dies-with-its-process",
    guarantee: "55b",
    edits: [
      edit(
        "services/users/release.ts",
        "releaseTeller",
        becomes(call("tellReleasesUnderWay"), "Promise.resolve(0)"),
      ),
    ],
    file: "test/system/release-killed.test.ts",
    title: "on node a release that dies between the databases is at the registry after the next start",
  },
  {
    name: "held-is-released",
    guarantee: "55c",
    edits: [
      edit("services/users/release.ts", "releaseAddress", becomes(condition("status", "reserved"), "false")),
    ],
    file,
    title: "what somebody has is not released, nor what is kept for nobody, nor without a reason",
  },
  {
    name: "interrupted-pass-ends-anew",
    guarantee: "55d",
    edits: [edit("services/reconciler/reports.ts", "reports.end", drops(property("status")))],
    file: passes,
    title: "a pass that was called interrupted stays so, though its process lives and comes to its end",
  },
  {
    name: "interrupted-runs-for-ever",
    guarantee: "55d",
    edits: [edit("mixins/postgres/kept-work.ts", "asItStands", becomes(call("isHeld"), "true"))],
    file: passes,
    title: "what the REPL runs is kept too, and a pass whose process has ended is interrupted",
  },
  {
    name: "passes-beside-each-other",
    guarantee: "55d",
    edits: [edit("mixins/postgres/exclusive.ts", "runExclusively", becomes(condition("locked"), "true"))],
    file: passes,
    title: "one pass runs at a time in an installation, and a repeat under its key begins no other",
  },
];
