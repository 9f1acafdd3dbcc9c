/** The rows of SCIM 2.0 (RFC 7644 §3.2), for identity providers. */
import * as z from "zod";
import type { ActionInput } from "../../contracts/actions.ts";
import { scimMediaType } from "../../contracts/scim.ts";
import { bodyProblems, keyProblems, type Operation, to } from "./operation.ts";
import * as example from "./scim-examples.ts";
import {
  scimHeadOf,
  scimIdOf,
  scimListInput,
  scimSearchInput,
  scimShownOf,
  scimTargetOf,
} from "./scim-parts.ts";

const mediaTypes = [scimMediaType, "application/json"];
/** A group has its members in it. */
const bytesMax = 1_048_576;

const ScimObject = z.record(z.string(), z.unknown()).meta({
  id: "ScimDocument",
  description: "A resource, a list or a message; its members are those of its schemas (GET /scim/v2/Schemas)",
});
const answer = (sample: unknown) => ({
  status: 200 as const,
  answer: { schema: ScimObject, example: sample, mediaType: scimMediaType },
});
const body = (sample: unknown) => ({ body: { schema: ScimObject, mediaTypes, example: sample, bytesMax } });

const common = { tag: "scim", protocol: "scim" } as const;
const idPath = { pathParams: { id: z.string().meta({ description: "The id that it was given here" }) } };
const names = {
  attributes: z.string().optional().meta({ description: "Only these, separated by commas" }),
  excludedAttributes: z.string().optional().meta({ description: "All but these, separated by commas" }),
};
const listQuery = {
  filter: z.string().optional().meta({ description: "RFC 7644 §3.4.2.2, whole" }),
  startIndex: z.int().optional().meta({ description: "The first one wanted, from 1" }),
  count: z.int().optional().meta({ description: "How many at most; 100 without it, 200 at most" }),
  ...names,
};
const writeProblems = ["address-taken", ...bodyProblems, ...keyProblems] as const;

interface Kind {
  readonly noun: "User" | "Group";
  readonly actions: "" | "group-";
  readonly resource: unknown;
  readonly patch: unknown;
}

/** Of all of a kind. */
function collectionRows({ noun, actions, resource }: Kind): readonly Operation[] {
  const path = `/scim/v2/${noun}s`;
  const what = noun.toLowerCase();
  return [
    {
      ...common,
      id: `scimSearch${noun}s`,
      method: "POST",
      path: `${path}/.search`,
      scope: "users:read",
      summary: `Search ${what}s by a body`,
      description: "As the list, without the filter in an address (RFC 7644 §3.4.3).",
      target: to(`scim.${actions}list`, scimSearchInput),
      query: {},
      ...body(example.searchRequest),
      ...answer(example.scimListOf(resource)),
      problems: bodyProblems,
    },
    {
      ...common,
      id: `scimList${noun}s`,
      method: "GET",
      path,
      scope: "users:read",
      summary: `List ${what}s for an identity provider`,
      description: "In a stable order; parameters that SCIM does not know, and sortBy, are ignored.",
      target: to(`scim.${actions}list`, (parts) => scimListInput(parts, parts.query)),
      query: listQuery,
      ...answer(example.scimListOf(resource)),
      problems: [],
    },
    {
      ...common,
      id: `scimCreate${noun}`,
      method: "POST",
      path,
      scope: "users:write",
      // A create may bring back who was deleted.
      ...(noun === "User" ? { alsoScopes: ["users:restore"] as const } : {}),
      summary: `Create a ${what} for an identity provider`,
      description:
        noun === "User"
          ? "A taken address is refused and never gets a suffix. Who was deleted, or is inactive, and is created again is back under the same id."
          : "Stored as it is sent; its members are ids of users.",
      target: to(`scim.${actions}create`, (parts) => ({ resource: parts.body, ...scimShownOf(parts) })),
      query: names,
      ...body(resource),
      ...answer(resource),
      status: 201,
      location: path,
      tagged: true,
      write: true,
      problems: writeProblems,
    },
  ];
}

/** Of one of a kind. */
function resourceRows({ noun, actions, resource, patch }: Kind): readonly Operation[] {
  const path = `/scim/v2/${noun}s`;
  const what = noun.toLowerCase();
  const one = { ...common, ...idPath, path: `${path}/:id`, tagged: true, query: names };
  const changed = { ...one, scope: "users:write", write: true, conditional: true } as const;
  return [
    {
      ...one,
      id: `scimGet${noun}`,
      method: "GET",
      scope: "users:read",
      summary: `Get a ${what} for an identity provider`,
      description: "As the identity provider has sent it, with what the directory made of it.",
      target: to(`scim.${actions}get`, (parts) => ({ id: scimIdOf(parts), ...scimShownOf(parts) })),
      ...answer(resource),
      problems: ["not-found"],
    },
    {
      ...changed,
      id: `scimReplace${noun}`,
      method: "PUT",
      summary: `Replace a ${what} for an identity provider`,
      description: "What is left out is taken away, but for active; what is read-only is ignored.",
      target: to(`scim.${actions}replace`, (parts) => ({
        ...scimTargetOf(parts),
        resource: parts.body,
        ...scimShownOf(parts),
      })),
      ...body(resource),
      ...answer(resource),
      problems: ["not-found", "version-mismatch", ...writeProblems],
    },
    {
      ...changed,
      id: `scimPatch${noun}`,
      method: "PATCH",
      summary: `Change a ${what} for an identity provider`,
      description:
        "A PatchOp message (RFC 7644 §3.5.2), all of it or nothing; one that changes nothing writes nothing. 204 where the answer has no body.",
      target: to(`scim.${actions}patch`, (parts) => ({
        ...scimTargetOf(parts),
        patch: parts.body,
        ...scimShownOf(parts),
      })),
      ...body(patch),
      ...answer(resource),
      problems: ["not-found", "version-mismatch", ...writeProblems],
    },
    {
      ...common,
      ...idPath,
      id: `scimDelete${noun}`,
      method: "DELETE",
      path: `${path}/:id`,
      scope: "users:delete",
      summary: `Delete a ${what} for an identity provider`,
      description: "A second time it is not found.",
      target: to(`scim.${actions}remove`, scimTargetOf),
      query: {},
      status: 204,
      write: true,
      conditional: true,
      problems: ["not-found", "version-mismatch", ...keyProblems],
    },
  ];
}

const kinds: readonly Kind[] = [
  { noun: "User", actions: "", resource: example.scimUser, patch: example.userPatch },
  { noun: "Group", actions: "group-", resource: example.scimGroup, patch: example.groupPatch },
];

type Kinds = ActionInput<"scim.discover">["kind"];

function discovery(kind: Kinds, hasId: boolean): Operation {
  return {
    ...common,
    id: `scim${kind}${hasId ? "ById" : ""}`,
    method: "GET",
    path: `/scim/v2/${kind}${hasId ? "/:id" : ""}`,
    // RFC 7643 §5: a client should find out how to authenticate before it can.
    scope: kind === "ServiceProviderConfig" ? "public" : "users:read",
    summary: `What SCIM can do here: ${kind}`,
    description: "RFC 7644 §4; a filter is refused for schemas and types of resources.",
    target: to("scim.discover", (parts) => ({
      kind,
      baseUrl: scimHeadOf(parts).baseUrl,
      ...(hasId ? { id: scimIdOf(parts) } : {}),
      ...(parts.query.filter === undefined ? {} : { filter: parts.query.filter }),
    })),
    ...(hasId ? idPath : {}),
    query: { filter: z.string().optional().meta({ description: "Refused with 403 (RFC 7644 §4)" }) },
    ...answer(example.scimListOf({ id: kind })),
    problems: ["forbidden", "not-found"],
  };
}

const unsupported = (id: string, method: Operation["method"], path: string): Operation => ({
  ...common,
  id,
  method,
  path,
  scope: "users:read",
  summary: "Not supported, and says so",
  description: "501; ServiceProviderConfig tells what is supported.",
  target: { local: "scimUnsupported" },
  status: 501,
  problems: ["not-implemented"],
});

export const scimOperations: readonly Operation[] = [
  {
    ...common,
    id: "scimSearch",
    method: "POST",
    path: "/scim/v2/.search",
    scope: "users:read",
    summary: "Search users and groups by a body",
    description: "Users, then groups, as one list (RFC 7644 §3.4.3).",
    target: to("scim.search", scimSearchInput),
    query: {},
    ...body(example.searchRequest),
    ...answer(example.scimListOf(example.scimUser)),
    problems: bodyProblems,
  },
  ...kinds.flatMap((kind) => [...collectionRows(kind), ...resourceRows(kind)]),
  discovery("ServiceProviderConfig", false),
  ...(["ResourceTypes", "Schemas"] as const).flatMap((kind) => [
    discovery(kind, false),
    discovery(kind, true),
  ]),
  unsupported("scimGetMe", "GET", "/scim/v2/Me"),
  unsupported("scimCreateMe", "POST", "/scim/v2/Me"),
  unsupported("scimReplaceMe", "PUT", "/scim/v2/Me"),
  unsupported("scimPatchMe", "PATCH", "/scim/v2/Me"),
  unsupported("scimDeleteMe", "DELETE", "/scim/v2/Me"),
  unsupported("scimBulk", "POST", "/scim/v2/Bulk"),
];
