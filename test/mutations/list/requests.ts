/** What is let in by HTTP, and what it may mean: guarantee 22. */
import { edit, type Mutation } from "../mutation.ts";
import { becomes, call, condition, value } from "../operators.ts";

const guard = "mixins/http/host-guard.ts";
const guardTest = "test/integration/gateway-guard.test.ts";
const opsServer = "services/runtime/ops-server.ts";

export const requests: readonly Mutation[] = [
  {
    name: "ops-token-not-asked",
    guarantee: "22o",
    edits: [edit(opsServer, "bearerCheck", becomes(call("timingSafeEqual"), "true"))],
    file: "test/system/ops-port.test.ts",
    title: "off loopback, on node, who has no token learns whether a process is well, and no more",
  },
  {
    name: "metrics-for-each-scraper",
    guarantee: "22o",
    edits: [edit(opsServer, "answers", becomes(call("recent", "metricsAgeMsMax"), "$1"))],
    file: "test/integration/ops-server.test.ts",
    title: "fifty scrapers cost what one does",
  },
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
