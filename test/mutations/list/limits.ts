/** What nobody may take from all: guarantee 45. */
import { edit, type Mutation } from "../mutation.ts";
import { becomes, call, condition, drops, property, statement, value } from "../operators.ts";

const limitsTest = "test/integration/gateway-limits.test.ts";
const attacksTest = "test/system/attacks.test.ts";
const addressTest = "test/unit/address-limits.test.ts";

export const limits: readonly Mutation[] = [
  {
    name: "bodies-count-as-work",
    guarantee: "45a",
    edits: [
      edit(
        "services/gateway/http/body.ts",
        "requestReader",
        becomes(call("readJsonObject"), "(enterFlight(gate, exchange), $)"),
      ),
    ],
    file: limitsTest,
    title:
      "F7: bodies that do not come hold nobody up: reads are answered, and so is who sends head and body at once",
  },
  {
    name: "body-without-a-time",
    guarantee: "45a",
    edits: [edit("services/gateway/http/body.ts", "pacing.look", becomes(condition("leftMs"), "true"))],
    file: limitsTest,
    title: "a body that does not come in its time is given up with 408, and its place is another's",
  },
  {
    name: "untaken-answers-count",
    guarantee: "45a",
    edits: [edit("services/gateway/http/exchange.ts", "answerWith", drops(statement("leave")))],
    file: limitsTest,
    title: "who does not take its answer counts as no request in hand",
  },
  {
    name: "counts-are-wiped",
    guarantee: "45b",
    edits: [
      edit(
        "mixins/basics/buckets.ts",
        "buckets.remember",
        becomes(statement("old", "young"), "young.clear();"),
      ),
    ],
    file: addressTest,
    title: "F13: a flood of other keys makes nobody's allowance whole who goes on asking",
  },
  {
    name: "site-is-many",
    guarantee: "45b",
    edits: [edit("services/gateway/http/addresses.ts", "parentFactor", becomes(value, "1_000_000"))],
    file: addressTest,
    title: "F13: the networks of one site have ten times what one of them has, not each its own",
  },
  {
    name: "client-names-itself",
    guarantee: "45b",
    edits: [edit("mixins/http/client-address.ts", "clientOf", becomes(call("toReversed"), "[...told]"))],
    file: addressTest,
    title: "a client behind trusted proxies is the right-most address that is none of them",
  },
  {
    name: "connections-without-end",
    guarantee: "45c",
    edits: [edit("services/gateway/http/server.ts", "boundConnections", drops(statement("destroy")))],
    file: "test/integration/gateway-connections.test.ts",
    title:
      "F16: an address beyond its connections is closed unheard, others are served, and what it gives back it has again",
  },
  {
    name: "search-costs-nothing",
    guarantee: "45d",
    edits: [edit("services/gateway/http/callers.ts", "kindOf", becomes(condition("has"), "false"))],
    file: "test/unit/caller-limits.test.ts",
    title: "a request costs by its kind, which its row and a search's text tell",
  },
  {
    name: "places-are-kept",
    guarantee: "45d",
    edits: [
      edit(
        "services/gateway/http/exchange.ts",
        "leave",
        becomes(call("splice"), "leaves.splice(0).slice(0, 0)"),
      ),
    ],
    file: "test/integration/gateway-callers.test.ts",
    title: "a caller behind a trusted proxy has its own units and places, and hears what is left",
  },
  {
    name: "searches-share-the-pool",
    guarantee: "45e",
    edits: [
      edit(
        "services/users/index.ts",
        "",
        becomes(
          call("search", "listUsers"),
          "admitted.list.run(writeBudget().leftMs(), () => listUsers(db, ctx.params, config, domains))",
        ),
      ),
    ],
    file: "test/integration/users-searches.test.ts",
    title:
      "F8: forty searches that find nothing in time take no read by id its connection, and say what to do",
  },
  {
    name: "keys-without-end",
    guarantee: "45f",
    edits: [edit("mixins/idempotency-room.ts", "keysRoom", becomes(condition("isUsedUp"), "false"))],
    file: "test/integration/idempotency-room.test.ts",
    title: "F12: a caller that has used up its keys is refused another one, and nobody else is",
  },
  {
    name: "door-tells-each-packet",
    guarantee: "45g",
    edits: [
      edit(
        "services/runtime/loopback.ts",
        "LoopbackTransporter.refuse",
        becomes(condition("lineEveryMs"), "false"),
      ),
    ],
    file: attacksTest,
    title: "on node a system is attacked in every way that is known, and serves on",
  },
  {
    name: "folder-is-everybodys",
    guarantee: "45g",
    edits: [edit("services/runtime/data-folder.ts", "makeFolders", becomes(property("mode"), "0o755"))],
    file: attacksTest,
    title: "on node a system is attacked in every way that is known, and serves on",
  },
];
