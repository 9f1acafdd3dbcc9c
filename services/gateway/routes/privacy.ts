/** The rows of what somebody may ask of what is known of a person: to take it out, and to let go of it. */
import type { ActionInput } from "../../contracts/actions.ts";
import { EraseUser, UserExport } from "../../contracts/erasure.ts";
import * as example from "./examples.ts";
import { bodyProblems, jsonAlone, keyProblems, type Operation, to } from "./operation.ts";
import { body, echoedId, userId, userPath, withBody } from "./user-target.ts";

const EraseUserBody = EraseUser.omit({ id: true }).extend(echoedId).meta({ id: "EraseUserBody" });

export const privacyOperations: readonly Operation[] = [
  {
    id: "eraseUser",
    method: "POST",
    path: "/users/:id/erase",
    tag: "users",
    scope: "users:erase",
    summary: "Erase a deleted user for good",
    description:
      "Names and addresses leave every table and the values of the user's audit entries; who changed which field when stays. Nobody else gets the addresses before their terms are over. It can't be undone, and doing it again changes nothing.",
    target: to("users.erase", (parts) => withBody(parts) as ActionInput<"users.erase">),
    ...userPath,
    query: {},
    ...body(EraseUserBody, jsonAlone, example.erasureReason),
    status: 204,
    write: true,
    problems: ["not-found", "not-deleted", ...bodyProblems, ...keyProblems],
  },
  {
    id: "exportUser",
    method: "GET",
    path: "/users/:id/export",
    tag: "users",
    scope: "users:export",
    summary: "What is known of a person",
    description:
      "The user as it is, the history of its addresses and its audit entries, of a deleted user too; of an erased one what is left.",
    target: to("users.export", (parts) => ({ id: userId(parts) })),
    ...userPath,
    query: {},
    status: 200,
    answer: { schema: UserExport, example: example.userExport },
    problems: ["not-found"],
  },
];
