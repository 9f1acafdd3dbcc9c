/**
 * What an attribute is (RFC 7643 §2, §7), and the one way from a name that a client wrote to one: through a table in which
 * nothing else is. So a name such as `__proto__` is unknown like any other that nobody has defined.
 */

export interface Attribute {
  readonly name: string;
  readonly type: "string" | "boolean" | "dateTime" | "reference" | "binary" | "complex";
  readonly description: string;
  readonly multiValued?: true;
  readonly required?: true;
  readonly caseExact?: true;
  /** readWrite without it. */
  readonly mutability?: "readOnly" | "writeOnly" | "immutable";
  /** default without it. */
  readonly returned?: "always" | "never";
  /** none without it. */
  readonly uniqueness?: "server";
  /** What it may be, where a client is told; others are kept as they are sent (RFC 7643 §7). */
  readonly canonicalValues?: readonly string[];
  readonly referenceTypes?: readonly string[];
  /** Of a complex one. */
  readonly subAttributes?: readonly Attribute[];
  /** A whole extension: a complex attribute whose name is the URN of its schema. */
  readonly isExtension?: true;
}

/** From the outermost: an extension, an attribute of it, a sub-attribute. Never empty. */
export type AttributePath = readonly Attribute[];

interface SchemaText {
  readonly id: string;
  readonly name: string;
  readonly description: string;
}

export interface Schema extends SchemaText {
  readonly attributes: readonly Attribute[];
}

export interface ResourceType {
  readonly name: "User" | "Group";
  readonly endpoint: "/Users" | "/Groups";
  readonly description: string;
  readonly schema: Schema;
  readonly extensions: readonly Schema[];
  /** Of the schema, of the extensions as wholes, and what every resource has (RFC 7643 §3.1). */
  readonly attributes: readonly Attribute[];
}

const byName = new WeakMap<readonly Attribute[], ReadonlyMap<string, Attribute>>();

/** Names compare without case (RFC 7643 §2.1). */
export function attributeOf(attributes: readonly Attribute[], name: string): Attribute | undefined {
  let names = byName.get(attributes);
  if (names === undefined) {
    names = new Map(attributes.map((attribute) => [attribute.name.toLowerCase(), attribute]));
    byName.set(attributes, names);
  }
  return names.get(name.toLowerCase());
}

/** The extension or the core schema in front of a name, and what is behind it. */
function splitUrn(type: ResourceType, text: string): { extension?: Attribute; rest: string } | undefined {
  if (!/^urn:/i.test(text)) return { rest: text };
  for (const { id } of [type.schema, ...type.extensions]) {
    const head = text.slice(0, id.length);
    if (head.toLowerCase() !== id.toLowerCase()) continue;
    const extension = attributeOf(type.attributes, id);
    const rest = text.slice(id.length + 1);
    if (text.length === id.length && extension !== undefined) return { extension, rest: "" };
    if (text[id.length] === ":" && rest !== "")
      return extension === undefined ? { rest } : { extension, rest };
  }
  return undefined;
}

/** `attribute`, `attribute.sub`, either behind the URN of a schema, or the URN of an extension; undefined: unknown. */
export function resolvePath(type: ResourceType, text: string): AttributePath | undefined {
  const split = splitUrn(type, text);
  if (split === undefined) return undefined;
  const path: Attribute[] = split.extension === undefined ? [] : [split.extension];
  if (split.rest === "") return path;
  const names = split.rest.split(".");
  if (names.length > 2) return undefined;
  for (const name of names) {
    const among = path.length === 0 ? type.attributes : (path.at(-1)?.subAttributes ?? []);
    const attribute = attributeOf(among, name);
    if (attribute === undefined || attribute.isExtension) return undefined;
    path.push(attribute);
  }
  return path;
}

/** The sub-attribute that stands for a complex value (RFC 7643 §2.4). */
export const valuePart = (attribute: Attribute): Attribute | undefined =>
  attributeOf(attribute.subAttributes ?? [], "value");

/** As texts compare without case: in Unicode's compatible form. */
export const caseless = (text: string): string => text.normalize("NFKC").toLowerCase();
