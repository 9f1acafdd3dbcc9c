/** What is taken out, and what is changed in thousands: guarantees 54 and 61. */
import { edit, type Mutation } from "../mutation.ts";
import { becomes, call, condition, drops, never, property, statement } from "../operators.ts";

const file = "test/integration/export.test.ts";
const bulk = "test/integration/bulk.test.ts";
const streams = "test/integration/user-streams.test.ts";
const exporters =
  "who may export streams, on record before the first line; others hear which scope they lack; who is limited sees their own";

export const moves: readonly Mutation[] = [
  {
    name: "secondaries-as-they-come",
    guarantee: "54a",
    edits: [
      edit(
        "services/commands/export/snapshot.ts",
        "personOf",
        becomes(call("toSorted"), "row.secondarySmtps"),
      ),
    ],
    file,
    title: "an export is in the order of primaries, and what is written meanwhile is not in it",
  },
  {
    name: "gaps-are-guessed",
    guarantee: "54b",
    edits: [edit("services/commands/export/snapshot.ts", "peopleOf", becomes(condition("isWhole"), never))],
    file,
    title: "whom the audit log does not know whole is left out, and named",
  },
  {
    name: "export-off-the-record",
    guarantee: "54c",
    edits: [edit("services/commands/export/index.ts", "work", drops(statement("record")))],
    file,
    title: "the command writes a file for its owner alone, and is on record",
  },
  {
    name: "renamed-in-spite-of-conflicts",
    guarantee: "54d",
    edits: [
      edit("services/commands/bulk/run-rename.ts", "runRename", becomes(condition("isSkipping"), never)),
    ],
    file: bulk,
    title: "what stands in the way is told and nothing is done, unless it is to be left out",
  },
  {
    name: "written-over-whoever-was-faster",
    guarantee: "54e",
    edits: [edit("services/commands/bulk/api.ts", "apiOf", drops(property("version")))],
    file: bulk,
    title: "what somebody else changes meanwhile is not written over, and who comes meanwhile is renamed",
  },
  {
    name: "deleted-once-more",
    guarantee: "54f",
    edits: [
      edit(
        "services/commands/bulk/rows-decision.ts",
        "byAddress",
        becomes(condition("status", "deleted"), never),
      ),
    ],
    file: bulk,
    title: "a file deletes and restores whom its rows name, and a second run finds nothing to do",
  },
  {
    name: "stream-outruns-its-reader",
    guarantee: "61a",
    edits: [edit("services/gateway/answers/stream.ts", "paced", becomes(call("write"), "($, true)"))],
    file: streams,
    title: "a reader that takes nothing has nothing more asked for it, and a slow one gets everything",
  },
  {
    name: "stream-is-kept-for-its-reader",
    guarantee: "61a",
    edits: [edit("services/gateway/answers/stream.ts", "paced", becomes(call("write"), "($, true)"))],
    file: "test/system/user-streams.test.ts",
    title: "on node over RabbitMQ a stream is what one process streams, and waits",
  },
  {
    name: "failed-stream-has-an-end",
    guarantee: "61b",
    edits: [
      edit(
        "services/gateway/answers/stream.ts",
        "sendStream",
        becomes(statement("answerError"), "{ error; res.end(); }"),
      ),
    ],
    file: streams,
    title:
      "a page that can't be had for a moment is asked for again; for good, and the stream is cut so that its reader notices",
  },
  {
    name: "whoever-reads-streams",
    guarantee: "61c",
    edits: [edit("services/gateway/access/index.ts", "scopesOf", drops(statement("push")))],
    file: streams,
    title: exporters,
  },
  {
    name: "streamed-off-the-record",
    guarantee: "61c",
    edits: [edit("services/gateway/answers/stream.ts", "tell", drops(statement("record")))],
    file: streams,
    title: exporters,
  },
];
