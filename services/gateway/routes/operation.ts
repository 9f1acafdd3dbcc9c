/** What a row of the HTTP surface is made of (index.ts and its neighbours). */
import type * as z from "zod";
import type { Scope } from "../../contracts/access.ts";
import type { ActionInput, ActionName } from "../../contracts/actions.ts";
import type { FieldError } from "../../contracts/errors.ts";
import type { ProblemSlug } from "../problems/problem-types.ts";
import type { Fault } from "../problems/problems.ts";

/** What a row may use of a request: what has passed the checks of http/request-head.ts and http/body.ts. */
export interface RequestParts {
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
  readonly expectedVersions: readonly number[] | undefined;
  /** Of a row of SCIM, else undefined. */
  readonly scim?: ScimHead | undefined;
}

/** What SCIM takes of a head beside its query. */
export interface ScimHead {
  /** What stands before /Users in a location. */
  readonly baseUrl: string;
  /** The tags of If-Match as they came; undefined: no condition. */
  readonly expected: readonly string[] | undefined;
}

export type LocalHandler =
  | "start"
  | "health"
  | "live"
  | "ready"
  | "openapi"
  | "asyncapi"
  | "docs"
  | "eventsPage"
  | "docsFile"
  | "protectedResource"
  | "scimUnsupported"
  | "consolePage"
  | "consoleFile"
  | "session"
  | "sessionKey"
  | "sessionLogin"
  | "sessionCallback"
  | "sessionLogout"
  | "problem";

/** What the operations are about, in the order of the document. */
export const tags = {
  users: "People and their addresses: create, change, delete, restore.",
  addresses: "Whose an address is, now and at any time in the past.",
  audit: "Who changed what, and when.",
  activity: "Who did, read or was refused what beside that.",
  trace: "What became of a request, step by step.",
  domains: "In which domains addresses may be taken.",
  keys: "Access keys of machines: make, rotate, revoke.",
  scim: "SCIM 2.0, for identity providers: people and groups as they keep them.",
  reconciliations: "Whether users, registry and audit log agree; repair where they do not.",
  "dead letters": "Events that a consumer gave up: look into them, send them again, discard them.",
  health: "Whether the system can work, for orchestrators and people.",
  console: "The console for people: its page, and who has signed in to it.",
  documents: "The documents of the interfaces, and pages for people.",
} as const;
export type Tag = keyof typeof tags;

interface Media {
  readonly schema: z.ZodType;
  readonly example?: unknown;
  /** `application/json` when absent. */
  readonly mediaType?: string;
}

/** How a list is told as a whole, line by line. */
export interface StreamFormat {
  readonly mediaType: string;
  /** With its parameters. */
  readonly contentType: string;
  readonly example: string;
  /** What stands before the first line, and the line of an item, for a request with this query. */
  writer(query: RequestParts["query"]): { readonly head: string; line(item: unknown): string };
}

interface ActionTarget {
  readonly action: ActionName;
  readonly params: (parts: RequestParts) => unknown;
}

export interface Operation {
  readonly id: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description: string;
  readonly target: ActionTarget | { readonly local: LocalHandler };
  /**
   * What whoever asks must be allowed. `public`: nobody is asked for. `documents`: public where the gateway listens on
   * loopback only, else for whoever has shown who they are.
   */
  readonly scope: Scope | "public" | "documents";
  /** What every request needs beside that. */
  readonly alsoScopes?: readonly Scope[];
  /** Its head is read, and it is answered, as SCIM has it; REST when absent. */
  readonly protocol?: "scim";
  /** What a request with this query parameter needs beside that. */
  readonly queryScopes?: Readonly<Record<string, Scope>>;
  readonly pathParams?: Readonly<Record<string, z.ZodType>>;
  /** Of a list: whoever asks for one of these forms by Accept gets all that the query takes; the scope is needed besides. */
  readonly streams?: { readonly scope: Scope; readonly formats: readonly StreamFormat[] };
  /** Known query parameters; absent: an action has none. What the gateway answers by itself ignores the query. */
  readonly query?: Readonly<Record<string, z.ZodType>>;
  /** Those of them that are free text: a raw `+` in them is a space. */
  readonly texts?: readonly string[];
  readonly body?: {
    readonly schema: z.ZodType;
    readonly mediaTypes: readonly string[];
    readonly example: unknown;
    /** Instead of HTTP_BODY_BYTES_MAX. */
    readonly bytesMax?: number;
    /** The request may come without it. */
    readonly optional?: boolean;
  };
  readonly status: 200 | 201 | 202 | 204 | 303 | 501;
  /** The status when the answer says that nothing was made (`created: false`). */
  readonly statusElse?: 204;
  readonly answer?: Media & { readonly alternative?: Media };
  /** The answer carries ETag. */
  readonly tagged?: boolean;
  /** Of a 201 or a 202: the path at which, with its id behind, what was made is found. */
  readonly location?: string;
  /** Takes Idempotency-Key. */
  readonly write?: boolean;
  /** Takes If-Match. */
  readonly conditional?: boolean;
  /** Nothing for a program, and of no form that OpenAPI could tell. */
  readonly isUndocumented?: boolean;
  /** Beside those that every operation has. */
  readonly problems: readonly ProblemSlug[];
}

/** Types the row's params by its action and keeps them together. */
export const to = <N extends ActionName>(
  action: N,
  params: (parts: RequestParts) => ActionInput<N>,
): ActionTarget => ({ action, params });

export const jsonAlone: readonly string[] = ["application/json"];
export const bodyProblems: readonly ProblemSlug[] = [
  "malformed-json",
  "body-too-large",
  "unsupported-media-type",
];
export const keyProblems: readonly ProblemSlug[] = [
  "idempotency-key-invalid",
  "idempotency-key-in-use",
  "idempotency-key-reused",
  "idempotency-keys-used-up",
];

/**
 * An action does not know which of its parameters came in the path, the query or the body; the row does. `query` is the
 * raw one of the request, for the parameter that may also be a member of the body.
 */
export function locate(fault: FieldError, operation: Operation | undefined, query: string): Fault {
  const [name = ""] = fault.pointer.slice("#/".length).split("/");
  const { pathParams = {}, query: known = {}, body } = operation ?? {};
  const isParameter =
    Object.hasOwn(pathParams, name) ||
    (Object.hasOwn(known, name) && (body === undefined || new URLSearchParams(query).has(name)));
  if (!isParameter) return fault;
  const { pointer: _, ...rest } = fault;
  return { parameter: name, ...rest };
}
