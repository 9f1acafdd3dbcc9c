/** What is let in by HTTP, and what it may mean: guarantee 22. */
import { edit, type Mutation } from "../mutation.ts";
import { becomes, condition, value } from "../operators.ts";

const guard = "mixins/http/host-guard.ts";
const guardTest = "test/integration/gateway-guard.test.ts";

export const requests: readonly Mutation[] = [
  {
    name: "host-not-asked",
    guarantee: "22a",
    edits: [edit(guard, "httpGuard.judge", becomes(condition("isOwnHost"), "false"))],
    file: guardTest,
    title: "a write for a foreign Host is not carried out",
  },
  {
    name: "foreign-site-carried-out",
    guarantee: "22b",
    edits: [
      edit(
        guard,
        "httpGuard",
        becomes(condition("isFromForeignSite"), 'request.headers["content-type"] && $'),
      ),
    ],
    file: guardTest,
    title:
      "an unsafe method from a foreign site is answered with 403 and not carried out, with a body or without",
  },
  {
    name: "headers-may-be-dropped",
    guarantee: "22c",
    edits: [edit(guard, "headerLinesMax", becomes(value, "20_000"))],
    file: guardTest,
    title: "more than 200 header lines are answered with 431, and 200 are read to the last",
  },
  {
    name: "last-member-counts",
    guarantee: "22d",
    edits: [
      edit(
        "services/gateway/http/json-structure.ts",
        "structureFault",
        becomes(condition("names"), "$ && open.length > 1"),
      ),
    ],
    file: "test/integration/gateway-bad-input.test.ts",
    title: "a member that occurs twice is answered with malformed-json",
  },
];
