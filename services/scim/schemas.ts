/** The one table of what a user and a group have in SCIM: RFC 7643 §4 and §8.7.1, without what nothing here could keep. */
import type { Attribute, ResourceType, Schema } from "./attributes.ts";

type More = Partial<Omit<Attribute, "name" | "description">>;

const text = (name: string, description: string, more: More = {}): Attribute => ({
  name,
  type: "string",
  description,
  ...more,
});
const complex = (
  name: string,
  description: string,
  subAttributes: readonly Attribute[],
  more: More = {},
): Attribute => ({ name, type: "complex", description, subAttributes, ...more });

/** What the plural attributes have in common (RFC 7643 §2.4). */
const plural = (
  name: string,
  description: string,
  canonicalValues: readonly string[] = [],
  value: Attribute = text("value", "The value itself"),
): Attribute =>
  complex(
    name,
    description,
    [
      value,
      text("display", "How people read it"),
      text("type", "What it is for", canonicalValues.length === 0 ? {} : { canonicalValues }),
      text("primary", "Whether it is the preferred one; at most one is", { type: "boolean" }),
    ],
    { multiValued: true },
  );

const readOnly = { mutability: "readOnly" } as const;
const reference = (...referenceTypes: readonly string[]): More => ({
  type: "reference",
  referenceTypes,
  caseExact: true,
});

/** Of every resource (RFC 7643 §3, §3.1); in no schema. */
const common: readonly Attribute[] = [
  text("schemas", "Which schemas it has", {
    ...reference("uri"),
    ...readOnly,
    multiValued: true,
    returned: "always",
  }),
  text("id", "The id that the registry gave", {
    ...readOnly,
    caseExact: true,
    returned: "always",
    uniqueness: "server",
  }),
  text("externalId", "The id in the system of the client, for that client alone", { caseExact: true }),
  complex(
    "meta",
    "What the registry knows of the resource",
    [
      text("resourceType", "User or Group", { ...readOnly, caseExact: true }),
      text("created", "When it was made", { ...readOnly, type: "dateTime" }),
      text("lastModified", "When it last changed", { ...readOnly, type: "dateTime" }),
      text("location", "Where it is", { ...readOnly, ...reference("uri") }),
      text("version", "The ETag", { ...readOnly, caseExact: true }),
    ],
    readOnly,
  ),
];

const workHomeOther = ["work", "home", "other"];

const userSchema: Schema = {
  id: "urn:ietf:params:scim:schemas:core:2.0:User",
  name: "User",
  description: "A user",
  attributes: [
    text("userName", "By which the client knows the user; unique, compared without case", {
      required: true,
      uniqueness: "server",
    }),
    complex("name", "The parts of the name", [
      text("formatted", "The whole name"),
      text("familyName", "The family name"),
      text("givenName", "The given name"),
      text("middleName", "The middle names"),
      text("honorificPrefix", "A title in front"),
      text("honorificSuffix", "A suffix"),
    ]),
    text("displayName", "The name that people see"),
    text("nickName", "What friends call them"),
    text("profileUrl", "A page about the user", reference("external")),
    text("title", "The title"),
    text("userType", "In which relation the user is to the organization"),
    text("preferredLanguage", "A language, as in Accept-Language"),
    text("locale", "For numbers and dates"),
    text("timezone", "By the names of the IANA"),
    text("active", "Whether the user may use what is theirs", { type: "boolean" }),
    text("password", "Taken and forgotten: the registry keeps none", {
      mutability: "writeOnly",
      returned: "never",
    }),
    plural("emails", "The addresses that this client gave", workHomeOther),
    plural("phoneNumbers", "Telephone numbers", [...workHomeOther, "mobile", "fax", "pager"]),
    plural("ims", "Addresses for instant messages"),
    plural("photos", "Pictures", ["photo", "thumbnail"], text("value", "Where it is", reference("external"))),
    complex(
      "addresses",
      "Postal addresses",
      [
        text("formatted", "The whole address"),
        text("streetAddress", "Street and number"),
        text("locality", "The city"),
        text("region", "The state or region"),
        text("postalCode", "The postal code"),
        text("country", "The country, by ISO 3166-1"),
        text("type", "What it is for", { canonicalValues: workHomeOther }),
        text("primary", "Whether it is the preferred one", { type: "boolean" }),
      ],
      { multiValued: true },
    ),
    complex(
      "groups",
      "The groups that the user is in",
      [
        text("value", "The group's id", { ...readOnly, caseExact: true }),
        text("$ref", "Where it is", { ...readOnly, ...reference("Group") }),
        text("display", "Its name", readOnly),
        text("type", "Always direct", { ...readOnly, canonicalValues: ["direct", "indirect"] }),
      ],
      { multiValued: true, ...readOnly },
    ),
    plural("entitlements", "What the user is entitled to"),
    plural("roles", "The user's roles"),
    plural(
      "x509Certificates",
      "Certificates",
      [],
      text("value", "DER in base64", { type: "binary", caseExact: true }),
    ),
  ],
};

const enterpriseSchema: Schema = {
  id: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
  name: "EnterpriseUser",
  description: "A user of an enterprise",
  attributes: [
    text("employeeNumber", "The number of the employee"),
    text("costCenter", "The cost center"),
    text("organization", "The organization"),
    text("division", "The division"),
    text("department", "The department"),
    complex("manager", "The user's manager", [
      text("value", "The manager's id", { caseExact: true }),
      text("$ref", "Where the manager is", reference("User")),
      text("displayName", "The manager's name", readOnly),
    ]),
  ],
};

const groupSchema: Schema = {
  id: "urn:ietf:params:scim:schemas:core:2.0:Group",
  name: "Group",
  description: "A group of users",
  attributes: [
    text("displayName", "The group's name; unique, compared without case", {
      required: true,
      uniqueness: "server",
    }),
    complex(
      "members",
      "Who is in it",
      [
        text("value", "The user's id", { mutability: "immutable", caseExact: true }),
        text("$ref", "Where the user is", { mutability: "immutable", ...reference("User") }),
        text("display", "The user's name", readOnly),
        text("type", "Always User", { mutability: "immutable", canonicalValues: ["User"] }),
      ],
      { multiValued: true },
    ),
  ],
};

const extension = ({ id, description, attributes }: Schema): Attribute => ({
  ...complex(id, description, attributes),
  isExtension: true,
});

const resourceType = (
  name: ResourceType["name"],
  endpoint: ResourceType["endpoint"],
  schema: Schema,
  extensions: readonly Schema[],
): ResourceType => ({
  name,
  endpoint,
  description: schema.description,
  schema,
  extensions,
  attributes: [...common, ...schema.attributes, ...extensions.map(extension)],
});

export const userType = resourceType("User", "/Users", userSchema, [enterpriseSchema]);
export const groupType = resourceType("Group", "/Groups", groupSchema, []);
export const resourceTypes: readonly ResourceType[] = [userType, groupType];
export const schemas: readonly Schema[] = [userSchema, enterpriseSchema, groupSchema];
