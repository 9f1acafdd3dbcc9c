/**
 * The AsyncAPI document for people: how to receive events, and each event with its fields and an example. Made from the
 * document itself, so it says what the document says.
 */
import type { asyncApiDocument } from "./asyncapi.ts";
import { escapeHtml, pageOf } from "./html.ts";
import type { JsonSchema } from "./json-schema.ts";

type Document = ReturnType<typeof asyncApiDocument>;
type Channel = Document["channels"][string];
type Message = Document["components"]["messages"][string];
type Schemas = Document["components"]["schemas"];

const code = (text: string): string => `<code>${escapeHtml(text)}</code>`;
const lastPart = (reference: unknown): string => String(reference).split("/").at(-1) ?? "";

const arrayOf = (value: unknown): JsonSchema[] => (Array.isArray(value) ? (value as JsonSchema[]) : []);

/** With what a reference, or each part of an allOf, says; what stands beside it goes before. */
function resolve(schema: JsonSchema, schemas: Schemas): JsonSchema {
  const { $ref, allOf, ...beside } = schema;
  const parts = [...($ref === undefined ? [] : [schemas[lastPart($ref)] ?? {}]), ...arrayOf(allOf)];
  return Object.assign({}, ...parts.map((part) => resolve(part, schemas)), beside) as JsonSchema;
}

function typeOf(given: JsonSchema, schemas: Schemas): string {
  const schema = resolve(given, schemas);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  const forms = [...arrayOf(schema.anyOf), ...arrayOf(schema.oneOf)];
  if (forms.length > 0) return [...new Set(forms.map((form) => typeOf(form, schemas)))].join(" or ");
  if (schema.type === "array") return `array of ${typeOf((schema.items ?? {}) as JsonSchema, schemas)}`;
  if (schema.type === undefined) return "any value";
  return schema.format === undefined ? String(schema.type) : `${schema.type} (${schema.format})`;
}

interface Field {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly says: string;
}

/** Every member, those of members under their path; `[]` stands for an item of an array. */
function fieldsOf(given: JsonSchema, schemas: Schemas, prefix = ""): Field[] {
  const schema = resolve(given, schemas);
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  return Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>).flatMap(([name, member]) => {
    const { default: value, ...rest } = resolve(member, schemas);
    // Of a member that may be null, what the other form says.
    const description = [rest, ...arrayOf(rest.anyOf)]
      .map((form) => resolve(form, schemas).description)
      .find((text) => text !== undefined);
    const path = `${prefix}${name}`;
    const standard = value === undefined ? "" : `${JSON.stringify(value)} when absent`;
    const says = [description, standard].filter((part) => part !== undefined && part !== "").join("; ");
    const own = { name: path, type: typeOf(member, schemas), required: required.has(name), says };
    const inner = rest.type === "array" ? ((rest.items ?? {}) as JsonSchema) : member;
    return [own, ...fieldsOf(inner, schemas, `${path}${rest.type === "array" ? "[]" : ""}.`)];
  });
}

const fieldRow = ({ name, type, required, says }: Field): string =>
  `<tr><td>${code(name)}</td><td>${escapeHtml(type)}${required ? "" : ' <span class="dim">optional</span>'}</td><td>${escapeHtml(says)}</td></tr>`;

function messageHtml(type: string, message: Message, schemas: Schemas): string {
  const fields = fieldsOf(message.payload, schemas);
  const examples = message.examples.map(({ payload }) => JSON.stringify(payload, null, 2));
  return `<section id="${escapeHtml(type)}">
<h2>${escapeHtml(type)}</h2>
<p>${escapeHtml(message.summary)}. <span class="dim">${escapeHtml(message.contentType)}</span></p>
<table><thead><tr><th>field</th><th>type</th><th>meaning</th></tr></thead>
<tbody>${fields.map(fieldRow).join("\n")}</tbody></table>
<h3>Example</h3>
${examples.map((example) => `<pre><code>${escapeHtml(example)}</code></pre>`).join("\n")}
</section>`;
}

function channelRow({ address, description }: Channel, name: string, { operations }: Document): string {
  const uses = Object.values(operations)
    .filter(({ channel }) => lastPart(channel.$ref) === name)
    .map((operation) => operation.description);
  return `<tr><td>${code(address)}</td><td>${escapeHtml(description)}</td><td>${escapeHtml(uses.join("; "))}</td></tr>`;
}

/** Between the document's title and its first event. */
function receivingHtml(document: Document): string {
  const channels = Object.entries(document.channels);
  const exchanges = channels.flatMap(([, { bindings }]) =>
    "exchange" in bindings.amqp ? [bindings.amqp.exchange] : [],
  );
  const names = [...new Set(exchanges.map(({ name, type }) => `${code(name)} (${escapeHtml(type)})`))];
  const types = Object.keys(document.components.messages);
  return `<h2>Receive them</h2>
<ol>
<li>Declare a durable queue of your own at the broker.</li>
<li>Bind it to the exchange ${names.join(", ")} by the routing keys that you need: ${types.map((type) => `<a href="#${escapeHtml(type)}">${code(type)}</a>`).join(", ")}.</li>
<li>Apply an event only when its ${code("sequence")} is greater than the last that you have had of its ${code("subject")}; commit, then acknowledge it.</li>
</ol>
<table><thead><tr><th>channel</th><th>what it is</th><th>what for</th></tr></thead>
<tbody>${channels.map(([name, channel]) => channelRow(channel, name, document)).join("\n")}</tbody></table>`;
}

export function eventsPage(document: Document): string {
  const { info, components } = document;
  const messages = Object.entries(components.messages);
  return pageOf({
    path: "/docs/events",
    title: info.title,
    main: `<main class="prose">
<h1>${escapeHtml(info.title)}</h1>
<p>${escapeHtml(info.description)}</p>
<p class="dim">Version ${escapeHtml(info.version)}; for programs: <a href="/asyncapi.json">/asyncapi.json</a> (AsyncAPI ${escapeHtml(document.asyncapi)})</p>
${receivingHtml(document)}
${messages.map(([type, message]) => messageHtml(type, message, components.schemas)).join("\n")}
</main>`,
  });
}
