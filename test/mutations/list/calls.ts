/** Which process a call goes to, and when one counts as there: guarantees 32 and 36. */
import { edit, type Mutation } from "../mutation.ts";
import { becomes, call, condition, drops, property, statement } from "../operators.ts";

const livingTest = "test/integration/calls-to-the-living.test.ts";

export const calls: readonly Mutation[] = [
  {
    name: "durable-call-queues",
    guarantee: "32a",
    // RabbitMQ takes no exclusive queue for durable, whatever is asked for.
    edits: [
      edit("mixins/patches/moleculer-amqp.ts", "TransientAmqp", becomes(property("durable"), "true")),
      edit("mixins/patches/moleculer-amqp.ts", "TransientAmqp", becomes(property("exclusive"), "false")),
    ],
    file: livingTest,
    title: "no queue of calls is one that RabbitMQ would keep for a node of its that is gone",
  },
  {
    name: "everybody-begins-at-the-first-node",
    guarantee: "32a",
    edits: [edit("mixins/bus/nodes.ts", "nodesInTurn", becomes(call("firstNode"), "0"))],
    file: "test/unit/rabbitmq-nodes.test.ts",
    title:
      "instances whose ids end in a number begin at nodes in turn, so two of a role never begin at the same one",
  },
  {
    name: "frozen-itself-and-deaf",
    guarantee: "32a",
    edits: [edit("mixins/basics/silence.ts", "silence.look", becomes(condition("lookMs"), "false"))],
    file: "test/unit/rabbitmq-nodes.test.ts",
    title:
      "a process that was frozen itself takes nobody for silent before it has read what lies in its sockets",
  },
  {
    name: "silent-is-called",
    guarantee: "32b",
    edits: [
      edit("mixins/moleculer/instances.ts", "instances.isGood", becomes(condition("isSilent"), "true")),
    ],
    file: "test/unit/instances.test.ts",
    title:
      "an instance that answers neither a call nor a ping is passed over until it is heard, and is asked all the while",
  },
  {
    name: "starting-is-asked-in-vain",
    guarantee: "32b",
    edits: [
      edit(
        "mixins/moleculer/living-instances.ts",
        "livingInstances.failed",
        becomes(call("isNotHosted"), "false"),
      ),
    ],
    file: "test/integration/calls-to-the-living.test.ts",
    title:
      "a call that comes to a process whose services are not there yet is made elsewhere, and is begun once",
  },
  {
    name: "second-try-without-leave",
    guarantee: "32b",
    edits: [
      edit("services/contracts/actions.ts", "isRepeatable", becomes(condition("idempotencyKey"), "true")),
    ],
    file: livingTest,
    title:
      "what a frozen instance does not answer is made elsewhere when it may be: a read, or a write under its key",
  },
  {
    name: "ready-before-known",
    guarantee: "32c",
    edits: [
      edit(
        "services/runtime/peers.ts",
        "acquaintance.check",
        becomes(condition("strangers", "length"), "false"),
      ),
    ],
    file: livingTest,
    title: "a process is not ready before the others know of what it hosts, and is once they do",
  },
  {
    name: "stops-at-once",
    guarantee: "32c",
    edits: [edit("services/runtime/shutdown.ts", "lifecycle", drops(statement("pause", "drainMs")))],
    file: "test/system/rolling-restart.test.ts",
    title:
      "a gateway that is told to stop is not ready at once, and answers on until its time is over or it is told again",
  },
  {
    name: "frames-for-everybody",
    guarantee: "36",
    edits: [
      edit("mixins/moleculer/call-frames.ts", "readsFrames", becomes(condition("framesSince"), "true")),
      edit("mixins/moleculer/call-frames.ts", "readsFrames", becomes(condition("number"), "true")),
    ],
    file: livingTest,
    title: "a node that does not say that it reads frames gets none, whatever leaves together",
  },
];
