/** What a client learns of the service (RFC 7643 §5 to §7): made of the schema table. */

import type { ActionParams } from "../contracts/actions.ts";
import { Refusal } from "../contracts/errors.ts";
import type { Attribute, ResourceType, Schema } from "./attributes.ts";
import { listResponse, pageMax } from "./messages.ts";
import { resourceTypes, schemas } from "./schemas.ts";
import type { Members } from "./values.ts";

const urn = (name: string): string => `urn:ietf:params:scim:schemas:core:2.0:${name}`;
const supported = { supported: true };
const unsupported = { supported: false };

const providerConfig = (baseUrl: string): Members => ({
  schemas: [urn("ServiceProviderConfig")],
  documentationUri: "https://www.rfc-editor.org/rfc/rfc7644",
  patch: supported,
  bulk: { ...unsupported, maxOperations: 0, maxPayloadSize: 0 },
  filter: { ...supported, maxResults: pageMax },
  changePassword: unsupported,
  sort: unsupported,
  etag: supported,
  authenticationSchemes: [
    {
      type: "oauthbearertoken",
      name: "Bearer token",
      description: "An API key of the role provisioner, or an access token of a trusted issuer (RFC 6750)",
      specUri: "https://www.rfc-editor.org/rfc/rfc6750",
      primary: true,
    },
  ],
  meta: { resourceType: "ServiceProviderConfig", location: `${baseUrl}/ServiceProviderConfig` },
});

const shownAttribute = (attribute: Attribute): Members => ({
  name: attribute.name,
  type: attribute.type,
  multiValued: attribute.multiValued ?? false,
  description: attribute.description,
  required: attribute.required ?? false,
  ...(attribute.type !== "complex" && { caseExact: attribute.caseExact ?? false }),
  mutability: attribute.mutability ?? "readWrite",
  returned: attribute.returned ?? "default",
  ...(attribute.type !== "complex" && { uniqueness: attribute.uniqueness ?? "none" }),
  ...(attribute.canonicalValues && { canonicalValues: attribute.canonicalValues }),
  ...(attribute.referenceTypes && { referenceTypes: attribute.referenceTypes }),
  ...(attribute.subAttributes && { subAttributes: attribute.subAttributes.map(shownAttribute) }),
});

const shownSchema =
  (baseUrl: string) =>
  ({ id, name, description, attributes }: Schema): Members => ({
    schemas: [urn("Schema")],
    id,
    name,
    description,
    attributes: attributes.map(shownAttribute),
    meta: { resourceType: "Schema", location: `${baseUrl}/Schemas/${id}` },
  });

const shownType =
  (baseUrl: string) =>
  ({ name, endpoint, description, schema, extensions }: ResourceType): Members => ({
    schemas: [urn("ResourceType")],
    id: name,
    name,
    endpoint,
    description,
    schema: schema.id,
    schemaExtensions: extensions.map((extension) => ({ schema: extension.id, required: false })),
    meta: { resourceType: "ResourceType", location: `${baseUrl}/ResourceTypes/${name}` },
  });

/** Throws Refusal `forbidden` for a filter (RFC 7644 §4), `not-found` for an unknown id. */
export function discovered({ kind, id, filter, baseUrl }: ActionParams<"scim.discover">): Members {
  if (kind === "ServiceProviderConfig") return providerConfig(baseUrl);
  if (filter !== undefined)
    throw new Refusal("forbidden", `Cannot filter ${kind}: it is answered as a whole (RFC 7644 §4)`);
  const all = kind === "Schemas" ? schemas.map(shownSchema(baseUrl)) : resourceTypes.map(shownType(baseUrl));
  if (id === undefined) return listResponse(all, { totalResults: all.length, startIndex: 1 });
  const one = all.find((each) => String(each.id).toLowerCase() === id.toLowerCase());
  if (one === undefined)
    throw new Refusal("not-found", `Cannot find it among ${kind}: there is none of this id`);
  return one;
}
