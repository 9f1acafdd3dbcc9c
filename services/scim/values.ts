/**
 * What a client sent, as it is kept: each attribute under the name and in the order of the schema table, of its type.
 * Names compare without case; what nobody has defined, what is read-only and what is empty is left out. Throws Refusal
 * `invalidValue`, which names the attribute and never the value.
 */
import { scimRefusal } from "../contracts/scim.ts";
import { type Attribute, attributeOf, type ResourceType, valuePart } from "./attributes.ts";
import { booleanOf } from "./filter.ts";

export type Members = Record<string, unknown>;

export const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What may be an id of ours. */
export const isUuid = (value: unknown): value is string =>
  typeof value === "string" && /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(value);

const refuse = ({ name }: Attribute, why: string): Error => scimRefusal("invalidValue", `${name} ${why}`);

/** null and the empty text unassign (RFC 7643 §2.5). */
export const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);

/** A value of the attribute, one of many if there may be; undefined: none. */
export function valueIn(attribute: Attribute, value: unknown): unknown {
  if (isEmpty(value)) return undefined;
  if (attribute.type !== "complex") return simpleValue(attribute, value);
  const inner = valuePart(attribute);
  // Entra ID and OneLogin send a manager, or a member, as a plain text.
  const whole = typeof value === "string" && inner !== undefined ? { [inner.name]: value } : value;
  if (!isObject(whole)) throw refuse(attribute, "must be an object");
  const members = membersIn(attribute.subAttributes ?? [], whole);
  return Object.keys(members).length === 0 ? undefined : members;
}

function simpleValue(attribute: Attribute, value: unknown): unknown {
  const { type } = attribute;
  const coerced = type === "boolean" ? booleanOf(value) : value;
  const expected = type === "boolean" ? "boolean" : "string";
  if (typeof coerced !== expected)
    throw refuse(attribute, `must be ${type === "boolean" ? "true or false" : "a text"}`);
  if (typeof coerced === "string" && (coerced.includes("\0") || !coerced.isWellFormed()))
    throw refuse(attribute, "must be well-formed text without U+0000");
  return coerced;
}

/** All values of a multi-valued attribute; a single one may stand without its array. */
export const listIn = (attribute: Attribute, value: unknown): unknown[] =>
  onePrimary(
    (Array.isArray(value) ? value : [value])
      .map((each) => valueIn(attribute, each))
      .filter((each) => each !== undefined),
  );

/** Of several that say it the last one is (RFC 7644 §3.5.2). */
export function onePrimary(values: readonly unknown[]): unknown[] {
  const last = values.findLastIndex((value) => isObject(value) && value.primary === true);
  return values.map((value, at) =>
    at < last && isObject(value) && value.primary === true ? { ...value, primary: false } : value,
  );
}

const assigned = (attribute: Attribute, value: unknown): unknown => {
  if (!attribute.multiValued) return valueIn(attribute, value);
  const values = isEmpty(value) ? [] : listIn(attribute, value);
  return values.length === 0 ? undefined : values;
};

export function membersIn(attributes: readonly Attribute[], input: Members): Members {
  const given = new Map<Attribute, unknown>();
  for (const [name, value] of Object.entries(input)) {
    const attribute = attributeOf(attributes, name);
    if (attribute === undefined || attribute.mutability === "readOnly") continue;
    if (attribute.mutability !== "writeOnly") given.set(attribute, value);
  }
  return inOrder(attributes, (attribute) => assigned(attribute, given.get(attribute)));
}

const inOrder = (attributes: readonly Attribute[], valueFor: (attribute: Attribute) => unknown): Members =>
  Object.fromEntries(
    attributes
      .map((attribute) => [attribute.name, valueFor(attribute)] as const)
      .filter(([, value]) => value !== undefined),
  );

/** A whole resource as a client may write it. Throws when what is required is missing. */
export function resourceIn(type: ResourceType, input: Members): Members {
  const resource = membersIn(type.attributes, input);
  requireAll(type, resource);
  return resource;
}

export function requireAll(type: ResourceType, resource: Members): void {
  for (const attribute of type.attributes) {
    const value = resource[attribute.name];
    if (attribute.required && (typeof value !== "string" || value.trim() === ""))
      throw refuse(attribute, "is required");
  }
}
