/**
 * What is wrong with a value, in words for whoever sent it: completes "displayName …", and never repeats the value,
 * which may be a name or an address. One map for every schema, so HTTP, the REPL and a call from another service say the
 * same; a schema that knows better says so itself, which goes before the map.
 */
import type * as z from "zod";

type Issue = z.core.$ZodRawIssue;
type Limit = Extract<Issue, { code: "too_small" | "too_big" }>;

const missing = "is missing";

/** By what zod expects; an article, so that "must be" stands before it. */
const kinds: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  bigint: "a whole number",
  boolean: "true or false",
  array: "an array",
  tuple: "an array",
  object: "an object",
  record: "an object",
  map: "an object",
  set: "an array",
  null: "null",
  date: "a time",
};

/** By the format; what is not here is named as it is. */
const formats: Readonly<Record<string, string>> = {
  uuid: "a UUID",
  guid: "a UUID",
  datetime: "a time such as 2026-03-02T09:30:00Z (RFC 3339)",
  date: "a date such as 2026-03-02",
  time: "a time of day such as 09:30:00",
  duration: "a duration such as PT5M (ISO 8601)",
  email: "an e-mail address",
  url: "an absolute URL",
  ipv4: "an IPv4 address",
  ipv6: "an IPv6 address",
  cidrv4: "an IPv4 network such as 192.0.2.0/24",
  cidrv6: "an IPv6 network such as 2001:db8::/32",
  base64: "base64",
  base64url: "base64url",
  json_string: "JSON",
};

const named = (values: readonly unknown[]): string =>
  values.map((value) => JSON.stringify(String(value))).join(", ");

function oneOf(values: readonly unknown[]): string {
  const [only] = values;
  return values.length === 1 ? `must be ${JSON.stringify(only)}` : `must be one of ${named(values)}`;
}

const counted = (count: number, one: string): string => `${count} ${count === 1 ? one : `${one}s`}`;

/** What is counted of a value; undefined: the value is itself the number. */
const countedAs: Readonly<Record<string, string>> = {
  string: "character",
  array: "item",
  set: "item",
  map: "member",
  file: "byte",
};

function outOfBounds(issue: Limit): string {
  const tooSmall = issue.code === "too_small";
  const bound = Number(tooSmall ? issue.minimum : issue.maximum);
  const what = countedAs[issue.origin];
  if (what !== undefined) {
    if (issue.exact === true) return `must have exactly ${counted(bound, what)}`;
    if (tooSmall && bound <= 1) return "must not be empty";
    return `must have at ${tooSmall ? "least" : "most"} ${counted(bound, what)}`;
  }
  const value = issue.origin === "date" ? new Date(bound).toISOString() : String(bound);
  if (issue.inclusive === false) return `must be ${tooSmall ? "more" : "less"} than ${value}`;
  return `must be at ${tooSmall ? "least" : "most"} ${value}`;
}

function badFormat(issue: Extract<Issue, { code: "invalid_format" }>): string {
  const { format } = issue;
  if (format === "regex") return `must match the pattern ${issue.pattern}`;
  if (format === "starts_with") return `must begin with ${named([issue.prefix])}`;
  if (format === "ends_with") return `must end with ${named([issue.suffix])}`;
  if (format === "includes") return `must contain ${named([issue.includes])}`;
  return `must be ${formats[format] ?? `valid as ${format}`}`;
}

/** What each form of a union says of the value itself; a fault deeper within says nothing for the others. */
function noForm(issue: Extract<Issue, { code: "invalid_union" }>): string {
  if (issue.inclusive === false) return "must have one form only";
  const { discriminator, input } = issue;
  if (discriminator !== undefined && (input as Record<string, unknown>)[discriminator] === undefined)
    return missing;
  if (issue.options !== undefined && issue.options.length > 0) return oneOf(issue.options);
  const said = issue.errors.map((faults) => (faults[0]?.path.length === 0 ? faults[0].message : undefined));
  const sentences = [...new Set(said)];
  return sentences.length === 0 || sentences.includes(undefined)
    ? "has none of the forms that it can have"
    : sentences.join(", or ");
}

/** For zod's `error`, as a schema's parse takes it. */
export function fieldMessage(issue: Issue): string {
  if (issue.input === undefined && issue.code !== "custom") return missing;
  switch (issue.code) {
    case "invalid_type":
      if (issue.expected === "never" || issue.expected === "undefined") return "must not be given";
      return `must be ${kinds[issue.expected] ?? `of the type ${issue.expected}`}`;
    case "too_small":
    case "too_big":
      return outOfBounds(issue);
    case "invalid_format":
      return badFormat(issue);
    case "not_multiple_of":
      return `must be a multiple of ${issue.divisor}`;
    case "unrecognized_keys":
      return `must not have ${named(issue.keys)}`;
    case "invalid_value":
      return oneOf(issue.values);
    case "invalid_union":
      return noForm(issue);
    case "invalid_key":
      return "has a member whose name is not allowed";
    case "invalid_element":
      return "has an item that is not valid";
    case "custom":
      return "is not valid";
  }
}
