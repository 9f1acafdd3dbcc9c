/** The documents are valid, and the gateway does what they say: every operation answers as its schema promises. */
import SwaggerParser from "@apidevtools/swagger-parser";
import { Parser } from "@asyncapi/parser";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import test from "ava";
import { consumerQueues } from "../../services/contracts/consumers.ts";
import { dataschemas, eventTypes } from "../../services/contracts/events.ts";
import { usersExchange } from "../../services/contracts/headers.ts";
import { type Instance, startGateway } from "../support/rig.ts";
import { auditStandIn, outboxStandIn, registryStandIn, usersStandIn } from "../support/stand-ins.ts";

interface Media {
  schema: object;
  example?: unknown;
  examples?: Record<string, { value: unknown }>;
}
interface DocumentedAnswer {
  headers: Record<string, unknown>;
  content?: Record<string, Media>;
}
interface DocumentedParameter {
  name: string;
  description?: string;
  $ref?: string;
}
interface DocumentedOperation {
  operationId: string;
  tags: string[];
  description?: string;
  parameters: DocumentedParameter[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, DocumentedAnswer>;
}
interface OpenApi {
  paths: Record<string, Record<string, DocumentedOperation>>;
  tags: { name: string; description?: string }[];
  components: { parameters: Record<string, DocumentedParameter> };
}

let gateway: Instance;
let document: OpenApi;
const ajv = new Ajv2020({ strict: false, allErrors: true });
(addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
/** A schema of the document, with what it refers to. */
const validator = (schema: object): ValidateFunction =>
  ajv.compile({ ...schema, components: document.components });

test.before(async () => {
  gateway = await startGateway({
    standIns: [usersStandIn(), registryStandIn(), auditStandIn(), outboxStandIn()],
    // A 503 of a busy machine is no answer of an operation.
    limits: { callTimeoutMs: 30_000 },
  });
  document = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as OpenApi;
});
test.after.always(() => gateway.stop());

const everyOperation = () =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );

test("the OpenAPI document is valid", async (t) => {
  const copy = structuredClone(document) as unknown as Parameters<typeof SwaggerParser.validate>[0];
  await t.notThrowsAsync(SwaggerParser.validate(copy));
});

test("the AsyncAPI document is valid and names the exchange, routing keys and queues", async (t) => {
  const text = await (await fetch(`${gateway.url}/asyncapi.json`)).text();
  const { diagnostics, document: parsed } = await new Parser().parse(text);
  t.deepEqual(
    diagnostics.filter(({ severity }) => severity === 0).map(({ message, path }) => ({ message, path })),
    [],
  );
  const channels = parsed?.allChannels().all() ?? [];
  t.deepEqual(
    channels.map((channel) => channel.address()).toSorted(),
    [...eventTypes, ...consumerQueues].toSorted(),
  );
  t.true(text.includes(`"${usersExchange}"`));
  const { components } = JSON.parse(text) as {
    components: { messages: Record<string, { payload: unknown; "x-dataschema": string }> };
  };
  for (const type of eventTypes) {
    t.is(components.messages[type]?.["x-dataschema"], dataschemas[type]);
    t.truthy(components.messages[type]?.payload);
  }
  t.notRegex(text, /"additionalProperties":false/);
});

/** More than a name, and a sentence or a part of one. */
const isDescribed = (text: string | undefined): boolean => (text?.trim().split(/\s+/).length ?? 0) >= 2;

test("every operation, parameter and tag of the OpenAPI document has a description", (t) => {
  const undescribed = everyOperation().flatMap(({ operation }) => {
    const parameters = operation.parameters.map((given) =>
      given.$ref === undefined
        ? given
        : (document.components.parameters[given.$ref.split("/").at(-1) ?? ""] ?? given),
    );
    return [{ name: "itself", description: operation.description }, ...parameters]
      .filter(({ description }) => !isDescribed(description))
      .map(({ name }) => `${operation.operationId}: ${name}`);
  });
  t.deepEqual(undescribed, []);
  t.deepEqual(
    document.tags.filter(({ description }) => !isDescribed(description)),
    [],
  );
  const used = everyOperation().flatMap(({ operation }) => operation.tags);
  t.deepEqual(document.tags.map(({ name }) => name).toSorted(), [...new Set(used)].toSorted());
});

test("every example satisfies its schema", (t) => {
  for (const { operation } of everyOperation()) {
    const answers = Object.values(operation.responses).flatMap(({ content = {} }) => Object.values(content));
    const bodies = Object.values(operation.requestBody?.content ?? {});
    for (const { schema, example, examples = {} } of [...answers, ...bodies]) {
      const check = validator(schema);
      const samples = [
        ...(example === undefined ? [] : [example]),
        ...Object.values(examples).map(({ value }) => value),
      ];
      for (const sample of samples)
        t.true(check(sample), `${operation.operationId}: ${ajv.errorsText(check.errors)}`);
    }
  }
});

test("every operation documents the problems that any request can meet", (t) => {
  for (const { operation } of everyOperation())
    for (const status of ["400", "429", "500"]) t.truthy(operation.responses[status], operation.operationId);
});

async function exercise(id: string): Promise<Record<string, Response>> {
  const answers: Record<string, Response> = {};
  for (const { path, method, operation } of everyOperation()) {
    const target = path
      .replace("{id}", id)
      .replace("{address}", "free@example.com")
      .replace("{file}", "page.js")
      .replace("{slug}", "not-found");
    const [type, media] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
    answers[operation.operationId] = await fetch(gateway.url + target, {
      method,
      ...(type === undefined
        ? {}
        : { headers: { "content-type": type }, body: JSON.stringify(media?.example) }),
    });
  }
  return answers;
}

const headerNames = (answer: DocumentedAnswer) =>
  Object.entries(answer.headers).map(([name]) => name.toLowerCase());

test("every operation answers with a documented status, body and headers", async (t) => {
  const created = await fetch(`${gateway.url}/users`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ displayName: "Ann", primarySmtp: "ann@example.com" }),
  });
  const user = (await created.json()) as { id: string };
  t.is(created.status, 201, JSON.stringify(user));
  const answers = await exercise(user.id);
  const statuses: Record<string, number> = {};
  for (const { operation } of everyOperation()) {
    const answer = answers[operation.operationId];
    if (answer === undefined) return t.fail(operation.operationId);
    statuses[operation.operationId] = answer.status;
    const documented = operation.responses[String(answer.status)];
    if (documented === undefined) return t.fail(`${operation.operationId} answers ${answer.status}`);
    const always = headerNames(documented).filter((name) => !["idempotent-replayed", "link"].includes(name));
    for (const name of always) t.truthy(answer.headers.get(name), `${operation.operationId}: ${name}`);
    const type = answer.headers.get("content-type")?.split(";")[0];
    const media = documented.content?.[type ?? ""] ?? documented.content?.["*/*"];
    if (type === undefined) t.is(documented.content, undefined);
    else if (media === undefined) t.fail(`${operation.operationId} answers ${type}`);
    else {
      const text = await answer.text();
      const check = validator(media.schema);
      t.true(check(type.includes("json") ? JSON.parse(text) : text), ajv.errorsText(check.errors));
    }
  }
  // In the order of the document the delete comes before the restore, so each finds what it needs.
  t.like(statuses, { createUser: 201, getUser: 200, replaceUser: 200, patchUser: 200, deleteUser: 204 });
  t.like(statuses, {
    restoreUser: 200,
    listUsers: 200,
    lookUpAddress: 200,
    listAudit: 200,
    live: 200,
    ready: 503,
  });
});

test("problems satisfy the documented schema", async (t) => {
  const answer = await fetch(`${gateway.url}/users?nope=1`);
  const media = document.paths["/users"]?.get?.responses["422"]?.content?.["application/problem+json"];
  const check = validator(media?.schema ?? {});
  t.true(check(await answer.json()), ajv.errorsText(check.errors));
});
