/** The messages of the protocol that are no resources (RFC 7644 §3.4.2). */
import type { Members } from "./values.ts";

export const pageMax = 200;

export const listResponse = (
  resources: readonly Members[],
  { totalResults, startIndex }: { readonly totalResults: number; readonly startIndex: number },
): Members => ({
  schemas: ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
  totalResults,
  startIndex,
  itemsPerPage: resources.length,
  Resources: resources,
});
