/** What protects a process's way to its servers, and those from it: guarantees 22p and 22q. */
import { edit, type Mutation } from "../mutation.ts";
import { becomes, call, property } from "../operators.ts";

const rolesTest = "test/integration/database-roles.test.ts";
const brokerTlsTest = "test/system/broker-tls.test.ts";

export const transport: readonly Mutation[] = [
  {
    name: "broker-not-checked",
    guarantee: "22p",
    edits: [
      edit(
        "mixins/bus/broker-tls.ts",
        "brokerSocket",
        becomes(property("...tls"), "...({ ...tls, rejectUnauthorized: false } as BrokerTls)"),
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
  {
    name: "audit-log-may-be-emptied",
    guarantee: "22q",
    edits: [edit("services/runtime/grants.ts", "appendOnly", becomes(property("users"), "[]"))],
    file: rolesTest,
    title: "who serves can't empty or change the audit log, nor drop what keeps it, nor make a table",
  },
  {
    name: "superuser-serves",
    guarantee: "22q",
    edits: [
      edit(
        "services/embedded/embedded-postgres.ts",
        "embeddedDatabaseUrls",
        becomes(property("usersDatabaseUrl"), "urlOf(installation, port, databases[0])"),
      ),
    ],
    file: rolesTest,
    title:
      "npm start serves as roles of the embedded PostgreSQL that own nothing, out of a folder that others can't list",
  },
];
