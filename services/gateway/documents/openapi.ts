/** The OpenAPI 3.1 document, made from the route table and the schemas of the contracts. */
import type * as z from "zod";
import { roles, roleTexts } from "../../contracts/access.ts";
import { isPaged } from "../answers/success.ts";
import { type ProblemSlug, problemTypes } from "../problems/problem-types.ts";
import { type Fault, HttpProblem, Problem, problemBody, problemContentType } from "../problems/problems.ts";
import { type Operation, operations } from "../routes/index.ts";
import { tags } from "../routes/operation.ts";
import { contact, projectInfo, type SchemaCollection, schemaCollection } from "./json-schema.ts";

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
const headerParameters = {
  CorrelationId: {
    name: "X-Correlation-ID",
    description:
      "Taken when it is 1 to 128 visible ASCII characters, made otherwise; comes back on the answer",
    schema: { ...text, maxLength: 128 },
  },
  Traceparent: {
    name: "traceparent",
    description: "W3C Trace Context; the trace goes on in the services and events",
    schema: text,
  },
  Actor: {
    name: "X-Actor",
    description:
      "For whom the change is made, as onBehalfOf in the audit log; of who may not say so (actor:assert) it is ignored. Behind a proxy that authenticates (AUTH=proxy): who asks",
    schema: { ...text, maxLength: 128 },
  },
  IdempotencyKey: {
    name: "Idempotency-Key",
    description: "Repeating a request under the same key gives the first answer again; kept for 24 hours",
    schema: { ...text, minLength: 1, maxLength: 255 },
  },
  IfMatch: {
    name: "If-Match",
    description: "ETags of the versions that may be changed; 412 when the user has another",
    schema: text,
    example: '"1"',
  },
  IfNoneMatch: {
    name: "If-None-Match",
    description: "ETag of the version that is known already; 304 when it still holds",
    schema: text,
    example: '"1"',
  },
};
type HeaderParameter = keyof typeof headerParameters;

const answerHeaders = {
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
const header = (name: keyof typeof answerHeaders) => ({ $ref: `#/components/headers/${name}` });
const correlationHeader = { "X-Correlation-ID": header("CorrelationId") };

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

function problemsOf(operation: Operation): Record<string, unknown> {
  const isLocal = "local" in operation.target;
  const common = everywhere.filter((slug) => !isLocal || slug !== "unavailable");
  const fields: readonly ProblemSlug[] = [
    ...(isLocal ? [] : (["invalid-fields"] as const)),
    ...(operation.method === "GET" ? [] : (["foreign-site"] as const)),
    ...(operation.scope === "public" ? [] : (["unauthenticated"] as const)),
    ...(operation.scope === "public" || operation.scope === "documents" ? [] : (["forbidden"] as const)),
  ];
  const slugs = [...new Set([...common, ...fields, ...operation.problems])];
  const byStatus = Map.groupBy(slugs, (slug) => problemTypes[slug].status);
  return Object.fromEntries([...byStatus].map(([status, group]) => [status, problemAnswer(status, group)]));
}

function answers(operation: Operation, schemas: SchemaCollection) {
  const { answer, status } = operation;
  const headers = {
    ...correlationHeader,
    ...(operation.tagged ? { ETag: header("ETag") } : {}),
    ...(status === 201 ? { Location: header("Location") } : {}),
    ...(isPaged(operation) ? { Link: header("Link") } : {}),
    ...(operation.write ? { "Idempotent-Replayed": header("IdempotentReplayed") } : {}),
  };
  const content =
    answer === undefined
      ? {}
      : {
          content: Object.fromEntries(
            [answer, ...(answer.alternative === undefined ? [] : [answer.alternative])].map((media) => [
              media.mediaType ?? "application/json",
              {
                schema: schemas.add(media.schema),
                ...(media.example === undefined ? {} : { example: media.example }),
              },
            ]),
          ),
        };
  const success = { description: operation.summary, headers, ...content };
  const notModified = {
    description: "The version given in If-None-Match still holds",
    headers: correlationHeader,
  };
  return {
    [status]: success,
    ...(takesIfNoneMatch(operation) ? { 304: notModified } : {}),
    ...problemsOf(operation),
    ...(operation.id === "ready" || operation.id === "health"
      ? { 503: { ...success, description: "Something can't work" } }
      : {}),
  };
}

const takesIfNoneMatch = (operation: Operation): boolean =>
  operation.tagged === true && operation.method === "GET";

function parameters(operation: Operation, schemas: SchemaCollection) {
  const described =
    (where: "path" | "query") =>
    ([name, schema]: [string, z.ZodType]) => {
      const { description, ...json } = schemas.add(schema);
      return {
        name,
        in: where,
        required: where === "path",
        ...(description === undefined ? {} : { description }),
        schema: json,
      };
    };
  const headers: HeaderParameter[] = ["CorrelationId", "Traceparent", "Actor"];
  if (operation.write) headers.push("IdempotencyKey");
  if (operation.conditional) headers.push("IfMatch");
  if (takesIfNoneMatch(operation)) headers.push("IfNoneMatch");
  return [
    ...Object.entries(operation.pathParams ?? {}).map(described("path")),
    ...Object.entries(operation.query ?? {}).map(described("query")),
    ...headers.map((name) => ({ $ref: `#/components/parameters/${name}` })),
  ];
}

function requestBody({ body }: Operation, schemas: SchemaCollection) {
  if (body === undefined) return {};
  const media = { schema: schemas.add(body.schema), example: body.example };
  const content = Object.fromEntries(body.mediaTypes.map((type) => [type, media]));
  return { requestBody: { required: body.optional !== true, content } };
}

/** What the operation asks of a token; a bearer scheme may list scopes, or roles, since OpenAPI 3.1. */
function securityOf({ scope, queryScopes = {} }: Operation): object[] {
  if (scope === "public") return [];
  if (scope === "documents") return [{}, { token: [] }];
  return [{ token: [scope] }, ...Object.values(queryScopes).map((other) => ({ token: [scope, other] }))];
}

/** The whole document; valid OpenAPI 3.1 (test/integration/gateway-documents.test.ts). */
export function openApiDocument() {
  const schemas = schemaCollection("draft-2020-12");
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    const path = operation.path.replaceAll(/:(\w+)/g, "{$1}");
    const item = paths[path] ?? {};
    paths[path] = item;
    item[operation.method.toLowerCase()] = {
      operationId: operation.id,
      tags: [operation.tag],
      summary: operation.summary,
      description: operation.description,
      security: securityOf(operation),
      parameters: parameters(operation, schemas),
      ...requestBody(operation, schemas),
      responses: answers(operation, schemas),
    };
  }
  schemas.add(Problem);
  const { version, description } = projectInfo();
  return {
    openapi: "3.1.1",
    info: { title: "mailroster", version, description, contact, license: { name: "MIT", identifier: "MIT" } },
    servers: [{ url: "/", description: "The gateway that serves this document" }],
    security: [],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: schemas.schemas,
      headers: answerHeaders,
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description: `An access key (mrk_…) or an OIDC access token; an installation with AUTH=none on loopback asks for none. Roles: ${roles.map((role) => `${role}: ${roleTexts[role]}`).join(". ")}.`,
        },
      },
      parameters: Object.fromEntries(
        Object.entries(headerParameters).map(([key, value]) => [key, { in: "header", ...value }]),
      ),
    },
  };
}
