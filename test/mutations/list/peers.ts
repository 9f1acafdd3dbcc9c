/** Whose word is taken at the broker: guarantees 26f and 26g. */
import { edit, type Mutation } from "../mutation.ts";
import { becomes, call } from "../operators.ts";

const packetsTest = "test/unit/packet-senders.test.ts";

export const peers: readonly Mutation[] = [
  {
    name: "sender-believed",
    guarantee: "26f",
    edits: [edit("mixins/bus/event-senders.ts", "eventSenders.doubt", becomes(call("publishes"), "true"))],
    file: "test/unit/event-senders.test.ts",
    title:
      "an event is believed from the outbox's user, and a copy from its consumer's when the outbox's sent it first",
  },
  {
    name: "any-node-speaks",
    guarantee: "26f",
    edits: [edit("mixins/moleculer/packet-senders.ts", "packetRefusal", becomes(call("startsWith"), "true"))],
    file: packetsTest,
    title: "a packet of nobody, of a user who is no peer, and of a process of another user is dropped",
  },
  {
    name: "callers-not-asked",
    guarantee: "26f",
    edits: [edit("mixins/moleculer/packet-senders.ts", "mayCall", becomes(call("hasRole"), "true"))],
    file: packetsTest,
    title: "an action is called in the roles that it names and in no other",
  },
  {
    name: "contradiction-is-a-repeat",
    guarantee: "26g",
    edits: [edit("services/audit/entries.ts", "append", becomes(call("run", "contradicting"), "[]"))],
    file: "test/integration/audit.test.ts",
    title: "an event that tells another story of a version than its entry is a dead letter at once",
  },
  {
    name: "jump-is-believed",
    guarantee: "26g",
    edits: [
      edit("services/smtp-registry/projection.ts", "applyStates", becomes(call("isReachable"), "true")),
    ],
    file: "test/integration/registry-projection.test.ts",
    title: "A version that users can't have come to is refused, and the first ones of a generation are taken",
  },
  {
    name: "erasure-jump-is-believed",
    guarantee: "26g",
    edits: [edit("services/smtp-registry/projection.ts", "erase", becomes(call("isReachable"), "true"))],
    file: "test/integration/registry-projection.test.ts",
    title: "An erasure of a version that users can't have come to is refused, and takes nothing away",
  },
  {
    name: "consumer-reads-anything",
    guarantee: "26h",
    edits: [
      edit(
        "services/commands/broker/rights.ts",
        "foreignConsumerRights",
        becomes(call("anyOf", "exchange"), '".*"'),
      ),
    ],
    file: "test/system/events-guide.test.ts",
    title: "with the guide's login nobody tells an event, reaches a queue of others or takes part in calls",
  },
];
