/** Whether a resource fits a filter. Resources are as values.ts makes them: each attribute under its own name. */
import { type Attribute, type AttributePath, caseless } from "./attributes.ts";
import type { Filter } from "./filter.ts";

type Members = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What is there at the end of a path, each of many by itself. */
export function valuesAt(value: unknown, path: AttributePath): unknown[] {
  let values = [value];
  for (const { name } of path)
    values = values.flatMap((each) => (isObject(each) && Object.hasOwn(each, name) ? each[name] : []));
  return values.flat();
}

/** Unassigned are null and what is empty (RFC 7643 §2.5). */
export const isAssigned = (value: unknown): boolean => {
  if (value === undefined || value === null || value === "") return false;
  return typeof value !== "object" || Object.values(value).some(isAssigned);
};

const comparable = ({ type, caseExact }: Attribute, text: string): string | number => {
  if (type === "dateTime") return Date.parse(text);
  return caseExact ? text : caseless(text);
};

function compares(attribute: Attribute, by: string, have: unknown, want: unknown): boolean {
  if (typeof have !== "string" || typeof want !== "string") return by === "eq" && have === want;
  if (by === "co" || by === "sw" || by === "ew") {
    const [text, part] = attribute.caseExact ? [have, want] : [caseless(have), caseless(want)];
    if (by === "co") return text.includes(part);
    return by === "sw" ? text.startsWith(part) : text.endsWith(part);
  }
  const [left, right] = [comparable(attribute, have), comparable(attribute, want)];
  if (by === "eq") return left === right;
  if (by === "gt") return left > right;
  if (by === "ge") return left >= right;
  return by === "lt" ? left < right : left <= right;
}

export function fits(filter: Filter, resource: unknown): boolean {
  switch (filter.kind) {
    case "and":
      return filter.all.every((each) => fits(each, resource));
    case "or":
      return filter.all.some((each) => fits(each, resource));
    case "not":
      return !fits(filter.filter, resource);
    case "present":
      return valuesAt(resource, filter.path).some(isAssigned);
    case "has":
      return valuesAt(resource, filter.path).some((value) => fits(filter.filter, value));
    case "compare": {
      const { path, by, value: want } = filter;
      // What is not there differs from everything.
      if (by === "ne") return !fits({ ...filter, by: "eq" }, resource);
      const attribute = path.at(-1) as Attribute;
      return valuesAt(resource, path).some((have) => compares(attribute, by, have, want));
    }
  }
}
