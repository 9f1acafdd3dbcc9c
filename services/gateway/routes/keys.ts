/** The rows of the access keys. */
import * as z from "zod";
import type { ActionInput } from "../../contracts/actions.ts";
import {
  AccessKey,
  CreatedKey,
  CreateKey,
  KeyId,
  KeyOverlap,
  KeyPage,
  KeyReason,
  ListKeys,
} from "../../contracts/keys.ts";
import { HttpProblem, invalidField } from "../problems/problems.ts";
import * as example from "./access-examples.ts";
import { bodyProblems, jsonAlone, keyProblems, type Operation, type RequestParts, to } from "./operation.ts";

/** What is no id names nothing, so it is as unknown as any other. */
function keyId({ path }: RequestParts): string {
  const parsed = KeyId.safeParse(path.id);
  if (!parsed.success) throw new HttpProblem("not-found", "Cannot find the key: none has this id");
  return parsed.data;
}

function rotateInput(parts: RequestParts) {
  if (Object.hasOwn(parts.body, "id")) throw invalidField("id", "is not a known member");
  return { ...parts.body, id: keyId(parts) };
}

const RotateBody = z.strictObject({ overlapHours: KeyOverlap }).meta({ id: "RotateKeyBody" });
const common = { tag: "keys", scope: "keys:manage" } as const;
const keyPath = { pathParams: { id: KeyId.meta({ description: "The key's id, its second part" }) } };
const made = {
  status: 201,
  location: "/keys",
  answer: { schema: CreatedKey, example: example.createdKey },
} as const;

export const keyOperations: readonly Operation[] = [
  {
    ...common,
    id: "createKey",
    method: "POST",
    path: "/keys",
    summary: "Make an access key",
    description:
      "For a machine. The answer holds the key itself, this once. Nobody can give one with more than they have themselves. It ends after 90 days, of a provisioner after 365, unless expiresAt says otherwise.",
    target: to("access.create", ({ body }) => body as ActionInput<"access.create">),
    query: {},
    body: { schema: CreateKey, mediaTypes: jsonAlone, example: example.wantedKey },
    ...made,
    write: true,
    problems: [...bodyProblems, ...keyProblems],
  },
  {
    ...common,
    id: "listKeys",
    method: "GET",
    path: "/keys",
    summary: "List the access keys",
    description:
      "Newest first, also those that have ended; nextCursor, when it is not null, fetches the next page. The keys themselves are kept nowhere.",
    target: to("access.list", ({ query }) => query),
    query: ListKeys.shape,
    status: 200,
    answer: { schema: KeyPage, example: example.keyPage },
    problems: [],
  },
  {
    ...common,
    id: "getKey",
    method: "GET",
    path: "/keys/:id",
    summary: "Look at an access key",
    description:
      "When it was made, by whom, until when it is good, and when it was used last, to about a minute.",
    target: to("access.get", (parts) => ({ id: keyId(parts) })),
    ...keyPath,
    query: {},
    status: 200,
    answer: { schema: AccessKey, example: example.listedKey },
    problems: ["not-found"],
  },
  {
    ...common,
    id: "revokeKey",
    method: "DELETE",
    path: "/keys/:id",
    summary: "Revoke an access key",
    description:
      "It is refused everywhere within 5 s, and stays in the list. Revoking it again changes nothing. A reason may stand in the query.",
    target: to("access.revoke", (parts) => ({ ...parts.query, id: keyId(parts) })),
    ...keyPath,
    query: {
      reason: KeyReason.optional().meta({
        description: "Why it is revoked; it stands with the key from then on",
      }),
    },
    texts: ["reason"],
    status: 204,
    problems: ["not-found"],
  },
  {
    ...common,
    id: "rotateKey",
    method: "POST",
    path: "/keys/:id/rotate",
    summary: "Make an access key in place of another",
    description:
      "With the same name, role and domains, for as long again; the answer holds it, this once. The old one is good for the hours of the overlap.",
    target: to("access.rotate", rotateInput),
    ...keyPath,
    query: {},
    body: { schema: RotateBody, mediaTypes: jsonAlone, example: { overlapHours: 24 }, optional: true },
    ...made,
    write: true,
    problems: ["not-found", "key-ended", ...bodyProblems, ...keyProblems],
  },
];
