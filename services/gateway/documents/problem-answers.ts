/** What every answer of the OpenAPI document may have beside its own: headers, and the problems of an operation. */
import { scimMediaType } from "../../contracts/scim.ts";
import { scimErrorBody, scimFault } from "../answers/scim.ts";
import { type ProblemSlug, problemTypes } from "../problems/problem-types.ts";
import { type Fault, HttpProblem, problemBody, problemContentType } from "../problems/problems.ts";
import type { Operation } from "../routes/operation.ts";

/** Problems that any operation may answer with. */
const everywhere: readonly ProblemSlug[] = [
  "malformed-request",
  "misdirected",
  "invalid-header",
  "too-many-requests",
  "internal",
  "unavailable",
];

const text = { type: "string" };
export const answerHeaders = {
  CorrelationId: { description: "The correlation id of this request", required: true, schema: text },
  ETag: { description: "The user's version as a strong entity tag", required: true, schema: text },
  Location: { description: "The path of what was made", required: true, schema: text },
  IdempotentReplayed: {
    description: "true when this is the stored answer of an earlier request",
    schema: { ...text, const: "true" },
  },
  RetryAfter: { description: "Seconds to wait", required: true, schema: { type: "string" } },
  Link: {
    description: 'The next page, when there is one: `</users?limit=50&cursor=…>; rel="next"` (RFC 8288)',
    schema: text,
  },
};
export const header = (name: keyof typeof answerHeaders) => ({ $ref: `#/components/headers/${name}` });
export const correlationHeader = { "X-Correlation-ID": header("CorrelationId") };

const wait = new Set<number>([429, 503]);
const correlationExample = "3f1d5c1e-9d55-4a0a-8f5e-6f1b0a7e2c9d";

const faultExamples: Partial<Record<ProblemSlug, readonly Fault[]>> = {
  "invalid-fields": [
    { pointer: "#/primarySmtp", detail: "is missing" },
    { parameter: "limit", detail: "must be at most 200" },
  ],
  "address-taken": [
    {
      pointer: "#/primarySmtp",
      detail: "is not available: it is active",
      conflict: {
        address: "ann.chen@example.com",
        status: "active",
        userId: "01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11",
      },
    },
  ],
  "external-id-taken": [
    {
      pointer: "#/externalId",
      detail: "is not available: it is active",
      conflict: {
        externalId: "E-104711",
        status: "active",
        userId: "01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11",
      },
    },
  ],
  "user-name-taken": [
    {
      pointer: "#/userName",
      detail: "is not available: it is active",
      conflict: {
        userName: "ann.lee@example.com",
        status: "active",
        userId: "01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11",
      },
    },
  ],
  "invalid-header": [{ header: "If-Match", detail: 'must be * or tags like "3"' }],
};

function problemAnswer(status: number, slugs: readonly ProblemSlug[]) {
  const headers = {
    ...correlationHeader,
    ...(wait.has(status) ? { "Retry-After": header("RetryAfter") } : {}),
  };
  const examples = slugs.map((slug) => {
    const errors = faultExamples[slug];
    const options = errors === undefined ? {} : { errors };
    const problem = new HttpProblem(slug, problemTypes[slug].about, options);
    return [slug, { value: problemBody(problem, { correlationId: correlationExample }) }];
  });
  return {
    description: slugs.map((slug) => problemTypes[slug].title).join("; "),
    headers,
    content: {
      [problemContentType]: {
        schema: { $ref: "#/components/schemas/Problem" },
        examples: Object.fromEntries(examples),
      },
    },
  };
}

/** The same in SCIM's own form, whose statuses are others, too. */
function scimProblems(slugs: readonly ProblemSlug[]): Record<string, unknown> {
  const problems = slugs.map((slug) => {
    const errors = faultExamples[slug];
    return new HttpProblem(slug, problemTypes[slug].about, errors === undefined ? {} : { errors });
  });
  const byStatus = Map.groupBy(problems, (problem) => scimFault(problem).status);
  const answerOf = (status: number, group: readonly HttpProblem[]) => {
    const { description, headers } = problemAnswer(
      status,
      group.map(({ slug }) => slug),
    );
    const examples = group.map((problem) => [
      problem.slug,
      { value: scimErrorBody(problem, correlationExample) },
    ]);
    const schema = { $ref: "#/components/schemas/ScimError" };
    return {
      description,
      headers,
      content: { [scimMediaType]: { schema, examples: Object.fromEntries(examples) } },
    };
  };
  return Object.fromEntries([...byStatus].map(([status, group]) => [status, answerOf(status, group)]));
}

export function problemsOf(operation: Operation): Record<string, unknown> {
  const isLocal = "local" in operation.target;
  const common = everywhere.filter((slug) => !isLocal || slug !== "unavailable");
  const fields: readonly ProblemSlug[] = [
    ...(isLocal ? [] : (["invalid-fields"] as const)),
    ...(operation.method === "GET" ? [] : (["foreign-site"] as const)),
    ...(operation.scope === "public" ? [] : (["unauthenticated"] as const)),
    ...(operation.scope === "public" || operation.scope === "documents" ? [] : (["forbidden"] as const)),
  ];
  const slugs = [...new Set([...common, ...fields, ...operation.problems])];
  if (operation.protocol === "scim") return scimProblems(slugs);
  const byStatus = Map.groupBy(slugs, (slug) => problemTypes[slug].status);
  return Object.fromEntries([...byStatus].map(([status, group]) => [status, problemAnswer(status, group)]));
}
