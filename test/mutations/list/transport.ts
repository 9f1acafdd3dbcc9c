/** What protects what goes from process to process: guarantee 22p. */
import { edit, type Mutation } from "../mutation.ts";
import { becomes, call, property } from "../operators.ts";

const brokerTlsTest = "test/system/broker-tls.test.ts";

export const transport: readonly Mutation[] = [
  {
    name: "broker-not-checked",
    guarantee: "22p",
    edits: [
      edit(
        "mixins/bus/broker-tls.ts",
        "brokerSocket",
        becomes(property("...tls"), "...tls, rejectUnauthorized: false"),
      ),
    ],
    file: brokerTlsTest,
    title:
      "a RabbitMQ of another authority or another name is refused, on node, and both connections say why",
  },
  {
    name: "calls-show-no-certificate",
    guarantee: "22p",
    edits: [edit("moleculer.config.ts", "transporter", becomes(call("brokerSocket"), "{}"))],
    file: brokerTlsTest,
    title: "with a certificate and no password both connections are that certificate's user, and encrypted",
  },
];
