/** What is let in by HTTP, and what it may mean: guarantee 22. */
import type { Mutation } from "../mutation.ts";

const guard = "mixins/http/http-guard.ts";
const guardTest = "test/integration/gateway-guard.test.ts";

export const requests: readonly Mutation[] = [
  {
    name: "host-not-asked",
    guarantee: "22a",
    edits: [
      {
        file: guard,
        find: "if (!isOwnHost(host, options)) return misdirected;",
        replace: 'if (!isOwnHost(host, options) && host === "") return misdirected;',
      },
    ],
    file: guardTest,
    title: "a write for a foreign Host is not carried out",
  },
  {
    name: "foreign-site-carried-out",
    guarantee: "22b",
    edits: [
      {
        file: guard,
        find: "return isFromForeignSite(request, options.allowed) ? foreign : undefined;",
        replace:
          'return request.headers["content-type"] && isFromForeignSite(request, options.allowed) ? foreign : undefined;',
      },
    ],
    file: guardTest,
    title:
      "an unsafe method from a foreign site is answered with 403 and not carried out, with a body or without",
  },
  {
    name: "headers-may-be-dropped",
    guarantee: "22c",
    edits: [
      {
        file: guard,
        find: "const headerLinesMax = 200;",
        replace: "const headerLinesMax = 20_000;",
      },
    ],
    file: guardTest,
    title: "more than 200 header lines are answered with 431, and 200 are read to the last",
  },
  {
    name: "last-member-counts",
    guarantee: "22d",
    edits: [
      {
        file: "services/gateway/http/json-structure.ts",
        find: "if (names?.has(member))",
        replace: "if (names?.has(member) && open.length > 1)",
      },
    ],
    file: "test/integration/gateway-bad-input.test.ts",
    title: "a member that occurs twice is answered with malformed-json",
  },
];
