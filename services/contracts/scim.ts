/**
 * What the service `scim` can be asked: SCIM 2.0 (RFC 7643, RFC 7644) without its HTTP. Resources are as they stand in the
 * protocol. No logic but the making of a refusal.
 */
import * as z from "zod";
import { Refusal, type RefusalData, type RefusalType } from "./errors.ts";

/** Of every answer, exactly: some clients compare it as a text, and JSON has no charset (RFC 8259 §11). */
export const scimMediaType = "application/scim+json";

/**
 * What a 400 or 409 of SCIM names (RFC 7644 §3.12). A Refusal of this service carries it as `data.scimType`: `uniqueness`
 * is 409, every other one 400, whatever the refusal's own type; without one the type decides. Parameters that are no
 * object where one must be (`invalid-fields` without a scimType) are `invalidSyntax`.
 */
export const scimTypes = [
  "invalidFilter",
  "tooMany",
  "uniqueness",
  "mutability",
  "invalidSyntax",
  "invalidPath",
  "noTarget",
  "invalidValue",
] as const;
export type ScimType = (typeof scimTypes)[number];

/** `detail` is told to the client, and names no value of another user. */
export const scimRefusal = (
  scimType: ScimType,
  detail: string,
  type: RefusalType = "invalid-fields",
  data: RefusalData = {},
): Refusal => new Refusal(type, detail, { ...data, scimType });

/** As a client sent it or is to get it; which members it may have says the schema table of the service. */
const Resource = z.record(z.string(), z.unknown()).meta({ id: "ScimResource" });
export type ScimResource = z.infer<typeof Resource>;

/** What has no id of ours is simply not found, so any text may stand here. */
const id = z.string().min(1).max(256);
const expected = z.array(z.string().max(128)).max(100).optional().meta({
  description:
    'From If-Match: refuse unless the version is among these; weak or strong, such as W/"3" or "3"',
});
const baseUrl = z.string().max(2_048).meta({
  description: "What stands before /Users in the location of a resource, without a slash at its end",
});
const names = z.array(z.string().max(1_024)).max(256);
const projection = {
  attributes: names.optional().meta({ description: "Only these, and what is always returned" }),
  excludedAttributes: names.optional().meta({ description: "All but these" }),
};
const shown = { baseUrl, ...projection };

export const CreateScim = z.strictObject({ resource: Resource, ...shown });
export const GetScim = z.strictObject({ id, ...shown });
export const ReplaceScim = z.strictObject({ id, resource: Resource, expected, ...shown });
export const PatchScim = z.strictObject({
  id,
  patch: Resource.meta({ description: "The PatchOp message (RFC 7644 §3.5.2)" }),
  expected,
  ...shown,
});
export const RemoveScim = z.strictObject({ id, expected });
/** Of a query or of a SearchRequest (RFC 7644 §3.4.3): numbers as they are written there, whole or not. */
export const ListScim = z.strictObject({
  /** Longer ones are refused as `invalidFilter`, by the parser. */
  filter: z.string().optional(),
  startIndex: z.int().optional().meta({ description: "From 1; less reads 1" }),
  count: z.int().optional().meta({ description: "100 without it, 200 at most; less than 0 reads 0" }),
  ...shown,
});
export const scimDocuments = ["ServiceProviderConfig", "ResourceTypes", "Schemas"] as const;
export const DiscoverScim = z.strictObject({
  kind: z.enum(scimDocuments),
  id: z.string().max(256).optional().meta({ description: "One of them alone; without it all, as a list" }),
  filter: z.string().optional().meta({
    description: "Refused as forbidden for ResourceTypes and Schemas (RFC 7644 §4), else ignored",
  }),
  baseUrl,
});

/** `version` is the value of the ETag, with its W/ and quotes; `location` the one of Location. */
export const ScimAnswer = z.object({
  resource: Resource.nullable().meta({ description: "null: changed, and not told (204)" }),
  version: z.string().optional(),
  location: z.string().optional(),
  created: z.boolean().optional().meta({
    description: "Of a create: true, also when somebody deleted or inactive is back (201)",
  }),
});
export type ScimAnswer = z.infer<typeof ScimAnswer>;

/** A ListResponse (RFC 7644 §3.4.2) as `resource`. */
export const ScimList = z.object({ resource: Resource });
export type ScimList = z.infer<typeof ScimList>;
