/** Resources and messages of SCIM as the OpenAPI document shows them. No logic but the making of a list. */
const id = "01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11";

export const scimUser = {
  schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
  id,
  externalId: "E-104711",
  userName: "ann.chen@example.com",
  displayName: "Ann Chen",
  name: { givenName: "Ann", familyName: "Chen" },
  emails: [{ value: "ann.chen@example.com", type: "work", primary: true }],
  active: true,
};

export const scimGroup = {
  schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"],
  displayName: "Sales",
  members: [{ value: id }],
};

const patchOp = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
export const userPatch = { schemas: patchOp, Operations: [{ op: "replace", path: "active", value: false }] };
export const groupPatch = {
  schemas: patchOp,
  Operations: [{ op: "add", path: "members", value: [{ value: id }] }],
};

export const searchRequest = {
  schemas: ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
  filter: 'userName eq "ann.chen@example.com"',
  startIndex: 1,
  count: 10,
};

export const scimListOf = (resource: unknown) => ({
  schemas: ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
  totalResults: 1,
  startIndex: 1,
  itemsPerPage: 1,
  Resources: [resource],
});
