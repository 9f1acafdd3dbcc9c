/**
 * The one table of the HTTP surface: it drives the aliases of moleculer-web, what is taken from a request, the
 * answers, and the OpenAPI document. To add an endpoint, add a row.
 */
import {
  type ActionInput,
  CreatedUser,
  CreateUser,
  PatchUser,
  ReplaceUser,
} from "../../contracts/actions.ts";
import { AuditPage, ListAudit } from "../../contracts/audit.ts";
import { CorrelationId, Trace, tracePaging } from "../../contracts/trace.ts";
import { User } from "../../contracts/user.ts";
import { GetUser, ListedUser, ListUsers, UserPage } from "../../contracts/user-lists.ts";
import { HttpProblem } from "../problems/problems.ts";
import { activityOperations } from "./activity.ts";
import { addressOperations } from "./addresses.ts";
import { consoleOperations } from "./console.ts";
import { deadLetterOperations } from "./dead-letters.ts";
import { domainOperations } from "./domains.ts";
import * as example from "./examples.ts";
import { keyOperations } from "./keys.ts";
import { bodyProblems, jsonAlone, keyProblems, type Operation, type RequestParts, to } from "./operation.ts";
import { localOperations } from "./own-answers.ts";
import { privacyOperations } from "./privacy.ts";
import { reconciliationOperations } from "./reconciliations.ts";
import { scimOperations } from "./scim.ts";
import { sessionOperations } from "./sessions.ts";
import { statusOperations } from "./status.ts";
import { checkOperations } from "./user-checks.ts";
import { userStreams } from "./user-streams.ts";
import { body, echoedId, targetUser, userId, userPath, withBody } from "./user-target.ts";

export type { Operation } from "./operation.ts";

/** Nothing can have happened under an id that no request can have. */
function correlationId({ path }: RequestParts): string {
  const parsed = CorrelationId.safeParse(path.correlationId);
  if (!parsed.success)
    throw new HttpProblem("not-found", "Cannot find the request: a correlation id is 1 to 128 visible ASCII");
  return parsed.data;
}

const mergePatch = ["application/merge-patch+json", "application/json"];
const userAnswer = { status: 200, answer: { schema: User, example: example.user }, tagged: true } as const;
const targetOnly = { id: true, expectedVersions: true } as const;
const ReplaceUserBody = ReplaceUser.omit(targetOnly).extend(echoedId).meta({
  id: "ReplaceUserBody",
  description: "Read-only members of a user are accepted and ignored",
});
const PatchUserBody = PatchUser.omit(targetOnly).extend(echoedId).meta({
  id: "PatchUserBody",
  description:
    "JSON merge patch (RFC 7396); null empties secondarySmtps and takes externalId and userName away; read-only members are accepted and ignored",
});

const userOperations: readonly Operation[] = [
  {
    id: "createUser",
    method: "POST",
    path: "/users",
    tag: "users",
    scope: "users:write",
    summary: "Create a user",
    description:
      "A primary that is taken gets a number as suffix; then requestedSmtp stands beside primarySmtp, and assignments tells every address that was changed and why. A secondary that is taken is a conflict, unless onTaken is suffix; with refuse a taken primary is one, too. A blocked name is always a conflict, and so is an address that no suffix fits.",
    target: to("users.create", ({ body }) => body as ActionInput<"users.create">),
    query: {},
    ...body(CreateUser, jsonAlone, example.createUser),
    status: 201,
    location: "/users",
    answer: { schema: CreatedUser, example: example.createdUser },
    tagged: true,
    write: true,
    problems: [
      "domain-not-accepted",
      "external-id-taken",
      "user-name-taken",
      ...bodyProblems,
      ...keyProblems,
    ],
  },
  {
    id: "listUsers",
    method: "GET",
    path: "/users",
    tag: "users",
    scope: "users:read",
    queryScopes: { q: "users:search" },
    streams: userStreams,
    summary: "List users",
    description:
      "In the order of creation, or with updatedSince of the last change; nextCursor, when it is not null, fetches the next page. With Accept: text/csv or application/x-ndjson (scope users:export) all of them are streamed, without limit and cursor, and an answer that ends before its last chunk is not complete. A raw + in q is a space, in smtp and externalId a plus.",
    target: to("users.list", ({ query }) => query as ActionInput<"users.list">),
    query: ListUsers.shape,
    texts: ["q"],
    status: 200,
    answer: { schema: UserPage, example: example.userPage },
    problems: ["search-too-slow"],
  },
  {
    id: "getUser",
    method: "GET",
    path: "/users/:id",
    tag: "users",
    scope: "users:read",
    summary: "Get a user",
    description:
      "A deleted user is not found without deleted=include, and an erased one not at all; a restore brings a deleted one back.",
    target: to("users.get", (parts) => ({ ...(parts.query as { deleted?: "include" }), id: userId(parts) })),
    ...userPath,
    query: { deleted: GetUser.shape.deleted },
    status: 200,
    answer: { schema: ListedUser, example: example.user },
    tagged: true,
    problems: ["not-found"],
  },
  {
    id: "replaceUser",
    method: "PUT",
    path: "/users/:id",
    tag: "users",
    scope: "users:write",
    summary: "Replace a user",
    description:
      "A member that is left out is kept: secondarySmtps, externalId, active, userName. With secondarySmtps the list is set exactly, and the old primary joins it when the primary changed.",
    target: to("users.replace", (parts) => withBody(parts) as ActionInput<"users.replace">),
    ...userPath,
    query: {},
    ...body(ReplaceUserBody, jsonAlone, example.replaceUser),
    ...userAnswer,
    write: true,
    conditional: true,
    problems: [
      "domain-not-accepted",
      "not-found",
      "address-taken",
      "external-id-taken",
      "user-name-taken",
      "version-mismatch",
      ...bodyProblems,
      ...keyProblems,
    ],
  },
  {
    id: "patchUser",
    method: "PATCH",
    path: "/users/:id",
    tag: "users",
    scope: "users:write",
    summary: "Change a user",
    description: "JSON merge patch (RFC 7396). A new primary pushes the old one to the secondaries.",
    target: to("users.patch", (parts) => withBody(parts) as ActionInput<"users.patch">),
    ...userPath,
    query: {},
    ...body(PatchUserBody, mergePatch, example.patchUser),
    ...userAnswer,
    write: true,
    conditional: true,
    problems: [
      "domain-not-accepted",
      "not-found",
      "address-taken",
      "external-id-taken",
      "user-name-taken",
      "version-mismatch",
      ...bodyProblems,
      ...keyProblems,
    ],
  },
  {
    id: "deleteUser",
    method: "DELETE",
    path: "/users/:id",
    tag: "users",
    scope: "users:delete",
    summary: "Delete a user",
    description: "The user's addresses are kept from everybody else; a restore gets them all back.",
    target: to("users.remove", targetUser),
    ...userPath,
    query: {},
    status: 204,
    write: true,
    conditional: true,
    problems: ["not-found", "version-mismatch", ...keyProblems],
  },
  {
    id: "restoreUser",
    method: "POST",
    path: "/users/:id/restore",
    tag: "users",
    scope: "users:restore",
    summary: "Restore a deleted user",
    description:
      "The user is back as it was, with all its addresses, for as long as they are kept for it; refused when one of them is somebody else's by now.",
    target: to("users.restore", targetUser),
    ...userPath,
    query: {},
    ...userAnswer,
    write: true,
    conditional: true,
    problems: [
      "domain-not-accepted",
      "not-found",
      "not-deleted",
      "address-taken",
      "user-name-taken",
      "version-mismatch",
      ...keyProblems,
    ],
  },
];

const readOperations: readonly Operation[] = [
  {
    id: "listAudit",
    method: "GET",
    path: "/audit",
    tag: "audit",
    scope: "audit:read",
    summary: "Who changed what, and when",
    description:
      "In the order in which it happened, or with order=desc the newest first; of one user, in the order of its versions. from, to, actor, action, userId and correlationId narrow it, together. An entry follows its change within moments, and is never changed or taken away.",
    target: to("audit.list", ({ query }) => query as ActionInput<"audit.list">),
    query: ListAudit.shape,
    status: 200,
    answer: { schema: AuditPage, example: example.auditPage },
    problems: [],
  },
  {
    id: "explainRequest",
    method: "GET",
    path: "/trace/:correlationId",
    tag: "trace",
    scope: "trace:read",
    summary: "What became of a request",
    description:
      "The whole way of each write under a correlation id, from durable rows: the request, its transaction, the outbox, each consumer, its dead letters, and where the addresses stand; ending in a verdict with the next safe action. Many writes are told in pages; the first one counts all of them by verdict. Without the scope users:read names and addresses are masked.",
    target: to("trace.explain", (parts) => ({ ...parts.query, correlationId: correlationId(parts) })),
    pathParams: {
      correlationId: CorrelationId.meta({ description: "The X-Correlation-ID that the request had" }),
    },
    query: tracePaging,
    status: 200,
    answer: { schema: Trace, example: example.trace },
    problems: ["not-found"],
  },
];

export const operations: readonly Operation[] = [
  // Before the paths with an id, which would take it for one.
  ...checkOperations,
  ...userOperations,
  ...privacyOperations,
  ...addressOperations,
  ...readOperations,
  ...activityOperations,
  ...keyOperations,
  ...domainOperations,
  ...deadLetterOperations,
  ...reconciliationOperations,
  ...statusOperations,
  ...scimOperations,
  ...consoleOperations,
  ...sessionOperations,
  ...localOperations,
];

/** What is known of the parameters before the body. */
interface Head {
  readonly pathParams: RequestParts["path"];
  readonly queryParams: RequestParts["query"];
  readonly expectedVersions: RequestParts["expectedVersions"];
  readonly scim: RequestParts["scim"];
}

/** The parameters of the row's action; throws a problem. */
export function paramsOf({ target }: Operation, head: Head, body: RequestParts["body"]): unknown {
  // The gateway itself looks at what it was sent.
  if (!("action" in target)) return body;
  const { pathParams: path, queryParams: query, expectedVersions, scim } = head;
  return target.params({ path, query, body, expectedVersions, scim });
}
