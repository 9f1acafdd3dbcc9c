/** The OpenAPI 3.1 document, made from the route table and the schemas of the contracts. */
import * as z from "zod";
import { roles, roleTexts } from "../../contracts/roles.ts";
import { ScimError } from "../answers/scim.ts";
import { isPaged } from "../answers/success.ts";
import { Problem } from "../problems/problems.ts";
import { type Operation, operations } from "../routes/index.ts";
import { tags } from "../routes/operation.ts";
import { contact, projectInfo, type SchemaCollection, schemaCollection } from "./json-schema.ts";
import { answerHeaders, correlationHeader, header, problemsOf } from "./problem-answers.ts";

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

/** In which forms the answer can be had. */
const mediaOf = ({ streams }: Operation, answer: NonNullable<Operation["answer"]>) => [
  answer,
  ...(answer.alternative === undefined ? [] : [answer.alternative]),
  ...(streams?.formats ?? []).map(({ mediaType, example }) => ({ mediaType, example, schema: z.string() })),
];

function answers(operation: Operation, schemas: SchemaCollection) {
  const { answer, status } = operation;
  const headers = {
    ...correlationHeader,
    ...(operation.tagged ? { ETag: header("ETag") } : {}),
    ...(operation.location !== undefined ? { Location: header("Location") } : {}),
    ...(isPaged(operation) ? { Link: header("Link") } : {}),
    ...(operation.write ? { "Idempotent-Replayed": header("IdempotentReplayed") } : {}),
  };
  const content =
    answer === undefined
      ? {}
      : {
          content: Object.fromEntries(
            mediaOf(operation, answer).map((media) => [
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
function securityOf({ scope, alsoScopes = [], queryScopes = {}, streams }: Operation): object[] {
  if (scope === "public") return [];
  if (scope === "documents") return [{}, { token: [] }];
  const others = [...Object.values(queryScopes), ...(streams === undefined ? [] : [streams.scope])];
  const own = [scope, ...alsoScopes];
  return [{ token: own }, ...others.map((other) => ({ token: [...own, other] }))];
}

/** What is answered with 501 is nothing that anybody can do. */
const isDocumented = ({ status, isUndocumented }: Operation): boolean =>
  status !== 501 && isUndocumented !== true;

/** The whole document; valid OpenAPI 3.1 (test/integration/gateway-documents.test.ts). */
export function openApiDocument() {
  const schemas = schemaCollection("draft-2020-12");
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations.filter(isDocumented)) {
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
  if (operations.some(({ protocol }) => protocol === "scim")) schemas.add(ScimError);
  const { version, description } = projectInfo();
  return {
    openapi: "3.1.1",
    info: { title: "mailroster", version, description, contact, license: { name: "MIT", identifier: "MIT" } },
    servers: [{ url: "/", description: "The gateway that serves this document" }],
    security: [],
    tags: Object.entries(tags)
      .filter(([name]) => operations.some(({ tag }) => tag === name))
      .map(([name, description]) => ({ name, description })),
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
