/** What the rows about one user take from a request: its id, the condition, and a body that may repeat the id. */
import * as z from "zod";
import { UserId } from "../../contracts/user.ts";
import { HttpProblem, invalidField } from "../problems/problems.ts";
import type { RequestParts } from "./operation.ts";

/** A path id that is no UUID names nothing, so it is as unknown as any other. */
export function userId({ path }: RequestParts): string {
  const parsed = UserId.safeParse(path.id);
  if (!parsed.success) throw new HttpProblem("not-found", "Cannot find the user: no user has this id");
  return parsed.data.toLowerCase();
}

/** The id comes from the path and the condition from If-Match; a body may repeat the one and not set the other. */
export function targetUser(parts: RequestParts) {
  return {
    id: userId(parts),
    ...(parts.expectedVersions === undefined ? {} : { expectedVersions: [...parts.expectedVersions] }),
  };
}

export function withBody(parts: RequestParts) {
  if (Object.hasOwn(parts.body, "expectedVersions"))
    throw invalidField("expectedVersions", "is not a known member");
  return { ...parts.body, ...targetUser(parts) };
}

export const userPath = { pathParams: { id: UserId.meta({ description: "The user's id, a UUID" }) } };
export const body = (schema: z.ZodType, mediaTypes: readonly string[], sample: unknown) => ({
  body: { schema, mediaTypes, example: sample },
});

export const echoedId = { id: z.unknown().optional() };
