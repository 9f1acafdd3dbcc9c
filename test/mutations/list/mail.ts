/** What mail servers are told: guarantees 2m to 2q. */
import { edit, type Mutation } from "../mutation.ts";
import { becomes, call, condition, statement } from "../operators.ts";

const file = "test/integration/mail-lookup.test.ts";
const question = "services/mail-lookup/question.ts";
const sources = "services/mail-lookup/sources.ts";
const replica = {
  guarantee: "2p",
  file: "test/system/mail-replica.test.ts",
  title: "who may only read tells by a standby who is there, and by the primary alone who is not",
} as const;
const spellings =
  "an address is told by its primary in any spelling, a secondary is rewritten with its tag, and a hold is TEMP";

export const mail: readonly Mutation[] = [
  {
    name: "temp-becomes-notfound",
    guarantee: "2m",
    edits: [
      edit(
        "services/mail-lookup/lookup.ts",
        "inTime",
        becomes(statement("errorMessage"), 'void error; return { state: "nobody" } as never;'),
      ),
    ],
    file,
    title:
      "whatever fails is TEMP in every map and defer over HTTP, with one line a second that does not name the key",
  },
  {
    name: "reserved-is-notfound",
    guarantee: "2m",
    edits: [edit("services/mail-lookup/maps.ts", "replyOf", becomes(condition("reserved"), "false"))],
    file,
    title: spellings,
  },
  {
    name: "tag-not-stripped",
    guarantee: "2n",
    edits: [edit(question, "questionOf", becomes(statement("isWhole", "localKey"), "const isWhole = true;"))],
    file,
    title: spellings,
  },
  {
    name: "any-tag-is-put-back",
    guarantee: "2n",
    edits: [edit(question, "questionOf", becomes(call("test"), "true"))],
    file,
    title: spellings,
  },
  {
    name: "everybody-may-ask",
    guarantee: "2o",
    edits: [
      edit("mixins/socketmap/server.ts", "socketmapServer", becomes(condition("isLoopbackAddress"), "false")),
    ],
    file: "test/integration/socketmap.test.ts",
    title: "who comes by another way than loopback is answered where its network is allowed, else cut off",
  },
  {
    name: "strangers-send-as-the-deleted",
    guarantee: "2q",
    edits: [edit("services/mail-lookup/maps.ts", "replyOf", becomes(condition("gone", "senders"), "false"))],
    file,
    title: "in every state the verdict is that of the registry's own look-up",
  },
  {
    name: "strangers-send-as-the-disabled",
    guarantee: "2q",
    edits: [
      edit(
        "services/mail-lookup/maps.ts",
        "replyOf",
        becomes(condition("senders", "refusesInactive"), "false"),
      ),
    ],
    file,
    title: "a user who is disabled gets mail, unless SOCKETMAP_INACTIVE refuses it and what the user sends",
  },
  {
    ...replica,
    name: "replica-says-nobody",
    edits: [edit(sources, "replicaFirst", becomes(condition("isSettled"), "said !== undefined"))],
  },
  {
    ...replica,
    name: "stale-replica-counts",
    edits: [edit(sources, "replicaSource", becomes(condition("replicaAgeMsMax"), "false"))],
  },
  {
    ...replica,
    name: "reader-has-to-write",
    edits: [
      edit(
        "mixins/postgres/database.ts",
        "database",
        becomes(statement("isRead", "reading"), "const isRead = false;"),
      ),
    ],
  },
];
