/** Answers of SCIM: resources with their version and location, and errors as RFC 7644 §3.12 has them. */
import type { ServerResponse } from "node:http";
import * as z from "zod";
import { type ScimAnswer, type ScimType, scimMediaType, scimTypes } from "../../contracts/scim.ts";
import { answerWith, type WebRequest } from "../http/exchange.ts";
import type { ProblemSlug } from "../problems/problem-types.ts";
import type { Fault, HttpProblem } from "../problems/problems.ts";
import type { Operation } from "../routes/operation.ts";

const errorSchema = "urn:ietf:params:scim:api:messages:2.0:Error";

export const ScimError = z
  .object({
    schemas: z.array(z.literal(errorSchema)),
    status: z.string().meta({ description: "The HTTP status, as a text" }),
    scimType: z.enum(scimTypes).optional(),
    detail: z.string(),
  })
  .meta({ id: "ScimError", description: "RFC 7644 §3.12" });

/** What SCIM names by a word of its own. */
const typeOfSlug: Partial<Record<ProblemSlug, ScimType>> = {
  "malformed-json": "invalidSyntax",
  "invalid-fields": "invalidSyntax",
  "domain-not-accepted": "invalidValue",
  "address-taken": "uniqueness",
  "external-id-taken": "uniqueness",
  "user-name-taken": "uniqueness",
};

const nameOf = (fault: Fault): string => {
  if ("parameter" in fault) return fault.parameter;
  return "header" in fault ? fault.header : fault.pointer;
};

/** A parameter of the query that can't be is a wrong value; a member of the body is a wrong form. */
function typeOf({ slug, errors, scimType }: HttpProblem): ScimType | undefined {
  if (scimType !== undefined) return scimType;
  const isParameter = slug === "invalid-fields" && errors?.[0] !== undefined && "parameter" in errors[0];
  return isParameter ? "invalidValue" : typeOfSlug[slug];
}

/** The status and the word of a problem (RFC 7644 §3.12 table 9). */
export function scimFault(problem: HttpProblem): { readonly status: number; readonly scimType?: ScimType } {
  const scimType = typeOf(problem);
  if (scimType === undefined) return { status: problem.status };
  return { status: scimType === "uniqueness" ? 409 : 400, scimType };
}

/** A defect and an outage are told with the id by which they are found. */
function detailOf({ message, errors = [] }: HttpProblem, status: number, correlationId: string): string {
  const faults = errors.map((fault) => `${nameOf(fault)} ${fault.detail}`).join("; ");
  const told = faults === "" ? message : `${message}: ${faults}`;
  return status < 500 ? told : `${told} (correlation id ${correlationId})`;
}

export function scimErrorBody(problem: HttpProblem, correlationId: string): z.infer<typeof ScimError> {
  const { status, ...word } = scimFault(problem);
  return {
    schemas: [errorSchema],
    status: String(status),
    ...word,
    detail: detailOf(problem, status, correlationId),
  };
}

export const answerScimError = (req: WebRequest, res: ServerResponse, problem: HttpProblem): void =>
  answerWith(req, res, {
    status: scimFault(problem).status,
    headers: Object.entries(problem.headers).flat(),
    contentType: scimMediaType,
    content: JSON.stringify(scimErrorBody(problem, req.exchange.correlation.correlationId)),
  });

type Unmodified = (req: WebRequest, tag: string) => boolean;

/** The answer of an action of `scim`; null, and a resource that is not told, are 204. */
export function presentScim(
  req: WebRequest,
  res: ServerResponse,
  { status: own, write }: Operation,
  data: ScimAnswer | null,
  isUnmodified: Unmodified,
): void {
  const { resource = null, version, location } = data ?? {};
  const headers: string[] = [];
  if (write && req.$ctx.meta.idempotentReplayed) headers.push("Idempotent-Replayed", "true");
  if (location !== undefined) headers.push("Location", location);
  if (version !== undefined) headers.push("ETag", version);
  const isKnown = version !== undefined && isUnmodified(req, version.replace(/^W\//, ""));
  if (resource === null || isKnown) answerWith(req, res, { status: isKnown ? 304 : 204, headers });
  else
    answerWith(req, res, {
      status: own,
      headers,
      contentType: scimMediaType,
      content: JSON.stringify(resource),
    });
}
