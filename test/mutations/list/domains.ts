/** What whoever is limited to domains sees and changes: guarantee 41. */
import { edit, type Mutation } from "../mutation.ts";
import { becomes, call, condition, drops, statement } from "../operators.ts";

const rules = "services/users/domain-rules.ts";
const file = "test/integration/domains-of-a-caller.test.ts";
const seen =
  "a user without an address in the caller's domains is not found: not read, not listed, not changed";
const changed = "a change that touches an address of another domain is forbidden, and leaves nothing behind";

export const domains: readonly Mutation[] = [
  {
    name: "domain-not-asked",
    guarantee: "41a",
    edits: [edit(rules, "sees", becomes(call("isWithin"), "true"))],
    file,
    title: seen,
  },
  {
    name: "everybody-is-listed",
    guarantee: "41a",
    edits: [edit("services/users/list-sql.ts", "filtered", becomes(call("hasAddressIn"), "sql`true`"))],
    file,
    title: seen,
  },
  {
    name: "foreign-domain-is-given",
    guarantee: "41b",
    edits: [edit("services/users/write.ts", "planCreate", drops(statement("refuseOutside")))],
    file,
    title: changed,
  },
  {
    name: "what-goes-away-is-not-asked",
    guarantee: "41b",
    edits: [edit(rules, "differing", becomes(call("filter", "is"), "$.slice(0, 0)"))],
    file,
    title: changed,
  },
  {
    name: "audit-shows-every-domain",
    guarantee: "41c",
    edits: [
      edit(
        "services/audit/entries.ts",
        "domainsOf",
        becomes(call("flatMap", "asciiDomain"), '["a.example"]'),
      ),
    ],
    file,
    title: "the audit log shows what happened to users who had an address in the caller's domains then",
  },
  {
    name: "any-domain-is-taken",
    guarantee: "41d",
    edits: [edit("services/users/write.ts", "planCreate", drops(statement("refuseUnaccepted")))],
    file: "test/integration/accepted-domains.test.ts",
    title:
      "while no domain is declared any is taken; from the first one on a new address elsewhere is refused in every process",
  },
  {
    name: "living-domain-goes",
    guarantee: "41d",
    edits: [edit("services/domains/index.ts", "domainsService", becomes(condition("addresses"), "false"))],
    file: "test/integration/accepted-domains.test.ts",
    title:
      "a domain in which addresses live is not removed, and who declared and removed one stays on record",
  },
];
