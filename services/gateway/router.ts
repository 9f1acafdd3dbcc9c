/** Finds the row of the table that a path and a method mean. */
import { unreservedDecoded } from "../../mixins/http-target.ts";
import { HttpProblem } from "./problems.ts";
import { type Operation, operations } from "./routes.ts";

export interface Route {
  /** The pattern, for metrics and log lines. */
  readonly pattern: string;
  readonly methods: ReadonlyMap<string, Operation>;
  readonly params: Readonly<Record<string, string>>;
}

interface Pattern {
  readonly pattern: string;
  readonly segments: readonly string[];
  readonly methods: Map<string, Operation>;
}

function compile(table: readonly Operation[]): Pattern[] {
  const patterns = new Map<string, Pattern>();
  for (const operation of table) {
    const { path } = operation;
    const pattern = patterns.get(path) ?? { pattern: path, segments: path.split("/"), methods: new Map() };
    patterns.set(path, pattern);
    pattern.methods.set(operation.method, operation);
    if (operation.method === "GET") pattern.methods.set("HEAD", operation);
  }
  return [...patterns.values()];
}

const patterns = compile(operations);

/** The params, still percent-encoded; undefined: it is another path. */
function bind(
  { segments: expected }: Pattern,
  segments: readonly string[],
): Record<string, string> | undefined {
  if (expected.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (let index = 0; index < expected.length; index++) {
    const name = expected[index] as string;
    const actual = segments[index] as string;
    if (name.startsWith(":") && actual !== "") params[name.slice(1)] = actual;
    else if (name !== actual) return undefined;
  }
  return params;
}

/** The route of a path that is still percent-encoded; its params are decoded (a URIError becomes a 400). */
export function findRoute(path: string): Route | undefined {
  const segments = unreservedDecoded(path).split("/");
  for (const pattern of patterns) {
    const params = bind(pattern, segments);
    if (params === undefined) continue;
    for (const [name, value] of Object.entries(params)) params[name] = decodeURIComponent(value);
    return { pattern: pattern.pattern, methods: pattern.methods, params };
  }
  decodeURIComponent(path);
  return undefined;
}

/** The value of Allow. */
export const allowed = (route: Route): string => [...route.methods.keys(), "OPTIONS"].join(", ");

/** What `OPTIONS *` answers. */
export const everyMethod = [
  ...new Set(patterns.flatMap(({ methods }) => [...methods.keys()])),
  "OPTIONS",
].join(", ");

/** Throws 404 or 405. */
export function operationOf(route: Route | undefined, method: string): Operation {
  if (route === undefined) throw new HttpProblem("not-found", "Nothing lives at this path");
  const operation = route.methods.get(method);
  if (operation === undefined)
    throw new HttpProblem("method-not-allowed", `This path takes ${allowed(route)}`, {
      headers: { Allow: allowed(route) },
    });
  return operation;
}
