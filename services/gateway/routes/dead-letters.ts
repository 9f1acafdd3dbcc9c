/** The rows of the dead letters. */
import * as z from "zod";
import type { ActionInput } from "../../contracts/actions.ts";
import {
  DeadLetter,
  DeadLetterCauses,
  DeadLetterDetail,
  DeadLetterId,
  DeadLetterPage,
  DiscardReason,
  ListDeadLetters,
} from "../../contracts/dead-letters.ts";
import { BeginReplay, LetterReplay, LetterReplayId } from "../../contracts/replays.ts";
import { HttpProblem, invalidField, invalidParameter } from "../problems/problems.ts";
import * as example from "./dead-letter-examples.ts";
import { bodyProblems, jsonAlone, keyProblems, type Operation, type RequestParts, to } from "./operation.ts";

/** A path id that is no UUID names nothing, so it is as unknown as any other. */
function letterId({ path }: RequestParts): string {
  const parsed = DeadLetterId.safeParse(path.id);
  if (!parsed.success)
    throw new HttpProblem("not-found", "Cannot find the dead letter: no dead letter has this id");
  return parsed.data.toLowerCase();
}

function replayId({ path }: RequestParts): string {
  const parsed = LetterReplayId.safeParse(path.id);
  if (!parsed.success) throw new HttpProblem("not-found", "Cannot find the replay: none has this id");
  return parsed.data.toLowerCase();
}

/** The reason stands in the body or, for clients that send none with a DELETE, in the query. */
function discardInput(parts: RequestParts) {
  const { body, query } = parts;
  if (Object.hasOwn(body, "id")) throw invalidField("id", "is not a known member");
  if (Object.hasOwn(body, "reason") && Object.hasOwn(query, "reason"))
    throw invalidParameter("reason", "must be given once: in the body or in the query");
  return { reason: query.reason, ...body, id: letterId(parts) };
}

const DiscardBody = z.strictObject({ reason: DiscardReason.optional() }).meta({ id: "DiscardBody" });
const letterPath = { pathParams: { id: DeadLetterId.meta({ description: "The dead letter's id, a UUID" }) } };

export const deadLetterOperations: readonly Operation[] = [
  {
    id: "listDeadLetters",
    method: "GET",
    path: "/dead-letters",
    tag: "dead letters",
    scope: "letters:read",
    summary: "List the events that a consumer gave up",
    description:
      "Newest first, those that nobody has decided on unless another status is asked for; nextCursor, when it is not null, fetches the next page.",
    target: to("dead-letters.list", ({ query }) => query as ActionInput<"dead-letters.list">),
    query: ListDeadLetters.shape,
    status: 200,
    answer: { schema: DeadLetterPage, example: example.deadLetterPage },
    problems: [],
  },
  {
    // Before the path with an id, which would take it for one.
    id: "listDeadLetterCauses",
    method: "GET",
    path: "/dead-letters/causes",
    tag: "dead letters",
    scope: "letters:read",
    summary: "List what is pending by its cause",
    description: "One entry for each cause, the one that failed last first; at most 100.",
    target: to("dead-letters.causes", () => ({})),
    query: {},
    status: 200,
    answer: { schema: DeadLetterCauses, example: example.deadLetterCauses },
    problems: [],
  },
  {
    id: "beginReplay",
    method: "POST",
    path: "/dead-letters/replays",
    tag: "dead letters",
    scope: "letters:write",
    summary: "Send all letters of a cause to their queue again",
    description:
      "What is pending of the cause, the oldest first, at most max. Answered once it has begun; Location tells how far it is and how many have failed again. One replay of a cause runs at a time.",
    target: to("dead-letters.replay-cause", ({ body }) => body as ActionInput<"dead-letters.replay-cause">),
    query: {},
    body: { schema: BeginReplay, mediaTypes: jsonAlone, example: example.beginReplay },
    status: 202,
    location: "/dead-letters/replays",
    answer: { schema: LetterReplay, example: example.begunReplay },
    write: true,
    problems: ["replay-running", ...bodyProblems, ...keyProblems],
  },
  {
    id: "getReplay",
    method: "GET",
    path: "/dead-letters/replays/:id",
    tag: "dead letters",
    scope: "letters:read",
    summary: "How far a replay of a cause is, and how many came back",
    description:
      "One whose process has ended is interrupted: what it sent stands, and another can be begun for the rest. Kept for as long as settled letters.",
    target: to("dead-letters.replay-progress", (parts) => ({ id: replayId(parts) })),
    pathParams: { id: LetterReplayId.meta({ description: "The replay's id, a UUID" }) },
    query: {},
    status: 200,
    answer: { schema: LetterReplay, example: example.replay },
    problems: ["not-found"],
  },
  {
    id: "getDeadLetter",
    method: "GET",
    path: "/dead-letters/:id",
    tag: "dead letters",
    scope: "letters:payload",
    summary: "Look into a dead letter",
    description:
      "With the event as it came, the headers of its message, and who discarded it. Without the scope users:read names and addresses are masked; who looks is on record (GET /activity).",
    target: to("dead-letters.get", (parts) => ({ id: letterId(parts) })),
    ...letterPath,
    query: {},
    status: 200,
    answer: { schema: DeadLetterDetail, example: example.deadLetterDetail },
    problems: ["not-found"],
  },
  {
    id: "replayDeadLetter",
    method: "POST",
    path: "/dead-letters/:id/replay",
    tag: "dead letters",
    scope: "letters:write",
    summary: "Send a dead letter to its queue again",
    description:
      "Safe at any later time: consumers ignore an event whose version or id they have had. One that fails again is pending again, under the same id.",
    target: to("dead-letters.replay", (parts) => ({ id: letterId(parts) })),
    ...letterPath,
    query: {},
    status: 200,
    answer: { schema: DeadLetter, example: example.replayedDeadLetter },
    write: true,
    problems: ["not-found", "dead-letter-settled", ...keyProblems],
  },
  {
    id: "discardDeadLetter",
    method: "DELETE",
    path: "/dead-letters/:id",
    tag: "dead letters",
    scope: "letters:write",
    summary: "Decide that a dead letter is not needed",
    description:
      "A reason stands in the body or in the query. The letter stays readable, with who discarded it, when and why, until its term is over.",
    target: to("dead-letters.discard", discardInput),
    ...letterPath,
    query: {
      reason: DiscardReason.optional().meta({
        description: "Why, for clients that send no body with DELETE",
      }),
    },
    texts: ["reason"],
    body: { schema: DiscardBody, mediaTypes: jsonAlone, example: example.discardDeadLetter, optional: true },
    status: 204,
    write: true,
    problems: ["not-found", "dead-letter-settled", ...bodyProblems, ...keyProblems],
  },
];
