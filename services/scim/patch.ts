/**
 * Patches (RFC 7644 §3.5.2), with what clients send that the RFC leaves open: `op` in any case, names with dots and
 * filters as members of a value without path, booleans as text, a value that is made because none fits.
 *
 * Promise: all operations or none; the resource that is given stays as it is. Throws Refusal with the scimType of the
 * first operation that can't be done.
 */
import { scimRefusal } from "../contracts/scim.ts";
import {
  type Attribute,
  type AttributePath,
  attributeOf,
  caseless,
  type ResourceType,
  resolvePath,
} from "./attributes.ts";
import { fits } from "./evaluate.ts";
import { type Filter, type PatchPath, parsePath } from "./filter.ts";
import { isEmpty, isObject, listIn, type Members, onePrimary, requireAll, valueIn } from "./values.ts";

export const patchSchema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/** A group of many members comes in a few operations with many values each. */
const operationsMax = 1_000;

export interface Operation {
  readonly op: "add" | "replace" | "remove";
  readonly path?: string;
  readonly value: unknown;
}

const member = (object: Members, name: string): unknown =>
  Object.entries(object).find(([key]) => key.toLowerCase() === name)?.[1];

const syntax = (detail: string): Error => scimRefusal("invalidSyntax", `Cannot patch: ${detail}`);

/** The operations of a PatchOp message, in order. */
export function operationsIn(message: Members): Operation[] {
  const schemas = member(message, "schemas");
  const names = Array.isArray(schemas) ? schemas.map((name) => String(name).toLowerCase()) : [];
  if (schemas !== undefined && !names.includes(patchSchema.toLowerCase()))
    throw syntax(`schemas must be ["${patchSchema}"]`);
  const operations = member(message, "operations");
  if (!Array.isArray(operations) || operations.length === 0)
    throw syntax("Operations must be an array of some");
  if (operations.length > operationsMax) throw syntax(`it has more than ${operationsMax} operations`);
  return operations.map((each: unknown) => {
    const written = isObject(each) ? each : {};
    const op = String(member(written, "op")).toLowerCase();
    if (op !== "add" && op !== "replace" && op !== "remove")
      throw syntax("op must be add, replace or remove");
    const path = member(written, "path");
    const value = member(written, "value");
    if (isEmpty(path)) return { op, value };
    if (typeof path !== "string") throw syntax("path must be a text");
    return { op, path, value };
  });
}

/** The resource as it is afterwards. */
export function patched(type: ResourceType, resource: Members, operations: readonly Operation[]): Members {
  const result = structuredClone(resource);
  for (const operation of operations) apply(type, result, operation);
  requireAll(type, result);
  return result;
}

function apply(type: ResourceType, resource: Members, { op, path, value }: Operation): void {
  if (path !== undefined) {
    change(resource, op, writable(parsePath(type, path)), value);
    return;
  }
  if (op === "remove") throw scimRefusal("noTarget", "Cannot remove: a path is missing");
  if (!isObject(value)) throw syntax("without a path the value must be an object");
  for (const [name, each] of Object.entries(value)) {
    // Okta repeats the id in the value; what is unknown is ignored, as in a create.
    const known = resolvePath(type, name) ?? (/[[.]/.test(name) ? parsePath(type, name).path : undefined);
    if (known === undefined || known.some(({ mutability }) => mutability === "readOnly")) continue;
    change(resource, op, parsePath(type, name), each);
  }
}

function writable(target: PatchPath): PatchPath {
  for (const { name, mutability } of [...target.path, ...(target.sub ? [target.sub] : [])])
    if (mutability === "readOnly") throw scimRefusal("mutability", `${name} is read-only`);
  return target;
}

function change(resource: Members, op: Operation["op"], target: PatchPath, value: unknown): void {
  const { filter } = target;
  const { parents, attribute, sub } = splitPath(target);
  const isRemoved = op === "remove" || isEmpty(value);
  if (attribute.mutability === "writeOnly") return;
  const container = containerOf(resource, parents, !isRemoved);
  if (container === undefined) return;
  const { name } = attribute;
  if (attribute.multiValued) {
    const before = (container[name] as unknown[] | undefined) ?? [];
    const edit = { attribute, before, op, value };
    const after = filter === undefined && sub === undefined ? manyAfter(edit) : someAfter(edit, filter, sub);
    if (after.length === 0) delete container[name];
    else container[name] = after;
  } else if (isRemoved) {
    if (attribute.required) throw scimRefusal("mutability", `${name} is required and can't be removed`);
    delete container[name];
  } else if (attribute.isExtension) {
    if (!isObject(value)) throw syntax(`${name} must be an object`);
    mergeExtension(container, attribute, op, value);
  } else container[name] = singleAfter(attribute, container[name], value);
  if (parents.length > 0) dropEmpty(resource, parents);
}

/** Behind a multi-valued attribute stands what is changed in each of its values. */
function splitPath({ path, sub }: PatchPath) {
  const at = path.findIndex(({ multiValued }) => multiValued);
  const end = at === -1 ? path.length - 1 : at;
  return { parents: path.slice(0, end), attribute: path[end] as Attribute, sub: sub ?? path[end + 1] };
}

function containerOf(resource: Members, parents: AttributePath, makes: boolean): Members | undefined {
  let container = resource;
  for (const { name } of parents) {
    if (!isObject(container[name])) {
      if (!makes) return undefined;
      container[name] = {};
    }
    container = container[name] as Members;
  }
  return container;
}

function dropEmpty(resource: Members, parents: AttributePath): void {
  const [first, ...rest] = parents;
  const inner = first === undefined ? undefined : resource[first.name];
  if (first === undefined || !isObject(inner)) return;
  dropEmpty(inner, rest);
  if (Object.keys(inner).length === 0) delete resource[first.name];
}

function mergeExtension(container: Members, extension: Attribute, op: Operation["op"], value: Members): void {
  const inner = (container[extension.name] ?? {}) as Members;
  container[extension.name] = inner;
  for (const [name, each] of Object.entries(value)) {
    const attribute = attributeOf(extension.subAttributes ?? [], name);
    if (attribute !== undefined && attribute.mutability !== "readOnly")
      change(inner, op, { path: [attribute] }, each);
  }
  if (Object.keys(inner).length === 0) delete container[extension.name];
}

/** Of a complex value what is not named stays (RFC 7644 §3.5.2.3). */
function singleAfter(attribute: Attribute, before: unknown, value: unknown): unknown {
  const given = valueIn(attribute, value);
  if (attribute.type !== "complex") return given;
  const unassigned = isObject(value) ? Object.keys(value).filter((name) => isEmpty(value[name])) : [];
  const merged: Members = { ...(isObject(before) ? before : {}), ...(given as Members | undefined) };
  for (const name of unassigned) delete merged[attributeOf(attribute.subAttributes ?? [], name)?.name ?? ""];
  return Object.keys(merged).length === 0 ? undefined : merged;
}

interface ManyEdit {
  readonly attribute: Attribute;
  readonly before: readonly unknown[];
  readonly op: Operation["op"];
  readonly value: unknown;
}

/** How it is told apart, so that many values are added to many without comparing each with each. */
const identity = (attribute: Attribute, value: unknown): string => {
  const { value: own, type = "" } = isObject(value) ? value : { value };
  const sub = attributeOf(attribute.subAttributes ?? [], "value");
  if (sub === undefined || typeof own !== "string") return JSON.stringify(value);
  return JSON.stringify([sub.caseExact ? own : caseless(own), caseless(String(type))]);
};

/** All values of an attribute; a remove with values takes these away (OneLogin, older Entra ID). */
function manyAfter({ attribute, before, op, value }: ManyEdit): unknown[] {
  if (op === "replace" || isEmpty(value)) return isEmpty(value) ? [] : listIn(attribute, value);
  const given = listIn(attribute, value);
  if (op === "remove") {
    const gone = new Set(given.map((each) => identityOfValue(attribute, each)));
    return before.filter((each) => !gone.has(identityOfValue(attribute, each)));
  }
  const kept = new Map(before.map((each) => [identity(attribute, each), each]));
  for (const each of given) {
    const key = identity(attribute, each);
    const there = kept.get(key);
    kept.set(key, isObject(there) && isObject(each) ? { ...there, ...each } : each);
  }
  return primaryAmong([...kept.values()], before);
}

const identityOfValue = (attribute: Attribute, value: unknown): string =>
  identity(attribute, isObject(value) && "value" in value ? { value: value.value } : value);

/** Who is newly primary takes it over from who was. */
function primaryAmong(after: readonly unknown[], before: readonly unknown[]): unknown[] {
  const was = new Set(before);
  const isPrimary = (value: unknown): boolean => isObject(value) && value.primary === true;
  if (!after.some((value) => isPrimary(value) && !was.has(value))) return [...after];
  return onePrimary(
    after.map((value) =>
      isObject(value) && isPrimary(value) && was.has(value) ? { ...value, primary: false } : value,
    ),
  );
}

function someAfter(edit: ManyEdit, filter: Filter | undefined, sub: Attribute | undefined): unknown[] {
  const { attribute, before, op, value } = edit;
  const isMeant = (each: unknown): boolean => filter === undefined || fits(filter, each);
  const isRemoved = op === "remove" || isEmpty(value);
  if (isRemoved) return before.flatMap((each) => (isMeant(each) ? without(each, sub) : [each]));
  const given = (
    sub === undefined ? valueIn(attribute, value) : { [sub.name]: valueIn(sub, value) }
  ) as Members;
  if (!before.some(isMeant)) return primaryAmong([...before, made(edit, filter, given)], before);
  const after = before.map((each) => (isMeant(each) && isObject(each) ? { ...each, ...given } : each));
  // What changes nothing is left as it is, so that it does not count as newly primary.
  const kept = after.map((each, at) => (isUnchanged(each, before[at]) ? before[at] : each));
  return primaryAmong(kept, before);
}

const isUnchanged = (after: unknown, before: unknown): boolean =>
  isObject(after) && isObject(before) && Object.keys(after).every((name) => after[name] === before[name]);

/** Without its value there is nothing left of one. */
function without(value: unknown, sub: Attribute | undefined): unknown[] {
  if (sub === undefined || !isObject(value)) return [];
  const { [sub.name]: _, ...rest } = value;
  return sub.name === "value" || Object.keys(rest).length === 0 ? [] : [rest];
}

/** What the filter says, and what is given; a replace makes only what is of a canonical type. */
function made({ attribute, op }: ManyEdit, filter: Filter | undefined, given: Members): Members {
  const equal = equalities(filter);
  const types = attributeOf(attribute.subAttributes ?? [], "type")?.canonicalValues ?? [];
  const isCanonical = typeof equal?.type === "string" && types.includes(equal.type.toLowerCase());
  if (equal === undefined || (op === "replace" && filter !== undefined && !isCanonical))
    throw scimRefusal("noTarget", `No value of ${attribute.name} fits the path`);
  return { ...equal, ...given };
}

/** The values that a filter of equalities alone asks for; undefined: it asks for something else. */
function equalities(filter: Filter | undefined): Members | undefined {
  if (filter === undefined) return {};
  if (filter.kind === "compare" && filter.by === "eq")
    return { [(filter.path.at(-1) as Attribute).name]: filter.value };
  if (filter.kind !== "and") return undefined;
  const all = filter.all.map(equalities);
  return all.every((each) => each !== undefined) ? Object.assign({}, ...all) : undefined;
}
