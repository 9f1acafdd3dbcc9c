/** What the rows of SCIM take from a request: the id, the conditions, what is to be shown, and a search. */
import type { ActionInput } from "../../contracts/actions.ts";
import { HttpProblem, invalidField, invalidParameter } from "../problems/problems.ts";
import type { RequestParts, ScimHead } from "./operation.ts";

const idCharsMax = 256;
const numberMax = 1_000_000_000;

export function scimHeadOf({ scim }: RequestParts): ScimHead {
  if (scim === undefined) throw new Error("Cannot read the request: its row is not one of SCIM");
  return scim;
}

const namesIn = (text: string): string[] =>
  text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");

/** A list, or its names in one text as a query has them. Throws a problem. */
function namesOf(value: unknown, name: string): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  const names = typeof value === "string" ? namesIn(value) : value;
  if (!Array.isArray(names) || !names.every((each) => typeof each === "string"))
    throw invalidField(name, "must be a list of names of attributes");
  return names.length === 0 ? undefined : names;
}

const withoutUndefined = <T extends object>(members: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;

export const scimShownOf = (parts: RequestParts, from: Readonly<Record<string, unknown>> = parts.query) =>
  withoutUndefined({
    baseUrl: scimHeadOf(parts).baseUrl,
    attributes: namesOf(from.attributes, "attributes"),
    excludedAttributes: namesOf(from.excludedAttributes, "excludedAttributes"),
  });

/** A number of a query or of a SearchRequest; beyond what anybody can mean, the nearest. Throws a problem. */
function numberOf(value: unknown, name: string): number | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  const number = typeof value === "string" && /^[+-]?\d+$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number))
    throw invalidParameter(name, "must be a whole number");
  return Math.min(Math.max(number, -numberMax), numberMax);
}

export function scimListInput(
  parts: RequestParts,
  from: Readonly<Record<string, unknown>>,
): ActionInput<"scim.list"> {
  const { filter } = from;
  if (filter !== undefined && filter !== null && typeof filter !== "string")
    throw invalidField("filter", "must be a text");
  return withoutUndefined({
    ...scimShownOf(parts, from),
    filter: filter === null || filter === "" ? undefined : filter,
    startIndex: numberOf(from.startIndex, "startIndex"),
    count: numberOf(from.count, "count"),
  });
}

/** The names of a SearchRequest in any case, as all of SCIM (RFC 7643 §2.1). */
const searchNames = ["filter", "startIndex", "count", "attributes", "excludedAttributes"];
export const scimSearchInput = (parts: RequestParts): ActionInput<"scim.list"> =>
  scimListInput(
    parts,
    Object.fromEntries(
      Object.entries(parts.body).flatMap(([name, value]) => {
        const known = searchNames.find((each) => each.toLowerCase() === name.toLowerCase());
        return known === undefined ? [] : [[known, value]];
      }),
    ),
  );

/** What no id can be names nothing. */
export function scimIdOf({ path: { id = "" } }: RequestParts): string {
  if (id === "" || id.length > idCharsMax) throw new HttpProblem("not-found", "Nothing has this id");
  return id;
}
export function scimTargetOf(parts: RequestParts) {
  const { expected } = scimHeadOf(parts);
  return { id: scimIdOf(parts), ...(expected === undefined ? {} : { expected: [...expected] }) };
}
