/** The rows of addresses: who has one, who had it. */
import type { ActionInput } from "../../contracts/actions.ts";
import {
  AddressHistoryPage,
  AddressInfo,
  ListAddressHistory,
  LookUpAddress,
  ReleaseAddress,
} from "../../contracts/look-up.ts";
import { AskRecipient, Recipient } from "../../contracts/recipients.ts";
import { WrittenSmtpAddress } from "../../contracts/user.ts";
import { invalidField } from "../problems/problems.ts";
import * as example from "./address-examples.ts";
import { bodyProblems, jsonAlone, keyProblems, type Operation, type RequestParts, to } from "./operation.ts";
import { body } from "./user-target.ts";

const addressPath = (description: string) => ({
  pathParams: { address: WrittenSmtpAddress.meta({ description }) },
});
const addressOf = ({ path, query }: RequestParts) => ({ ...query, address: path.address ?? "" });

const ReleaseBody = ReleaseAddress.omit({ address: true }).meta({ id: "ReleaseBody" });

/** The address stands in the path alone. */
function releaseInput({ path, body: sent }: RequestParts): ActionInput<"users.release"> {
  if (Object.hasOwn(sent, "address")) throw invalidField("address", "is not a known member");
  return { ...(sent as { reason: string }), address: path.address ?? "" };
}

export const addressOperations: readonly Operation[] = [
  {
    id: "lookUpAddress",
    method: "GET",
    path: "/smtp/:address",
    tag: "addresses",
    scope: "addresses:read",
    queryScopes: { at: "addresses:history" },
    summary: "Who holds an address, now or at a time in the past",
    description:
      "Always 200 for an address that can be one: its status says whether anybody holds it, since and until for how long that is so. An address is found however its letters are written (upper or lower case, composed or not). A raw + in at is a plus, as in the time zone of 2026-11-01T10:00:00+01:00.",
    target: to("smtp-registry.lookup", addressOf),
    ...addressPath("The address that is looked up"),
    query: { at: LookUpAddress.shape.at },
    status: 200,
    answer: { schema: AddressInfo, example: example.addressInfo },
    problems: [],
  },
  {
    id: "judgeRecipient",
    method: "GET",
    path: "/recipients/:address",
    tag: "addresses",
    scope: "addresses:read",
    summary: "Whether a mail server should take mail for an address",
    description:
      "Always 200 with a verdict, also for a text that is no address; whoever gets no answer, or a 5xx, defers. A tag (RECIPIENT_DELIMITER) is not part of who has the address. Nothing is remembered on the way: a new address works at once.",
    target: to("mail-lookup.recipient", addressOf),
    pathParams: { address: AskRecipient.shape.address },
    query: {},
    status: 200,
    answer: { schema: Recipient, example: example.recipient },
    problems: [],
  },
  {
    id: "listAddressHistory",
    method: "GET",
    path: "/smtp/:address/history",
    tag: "addresses",
    scope: "addresses:history",
    summary: "Who had an address, and from when to when",
    description:
      "Newest first: one entry for each time that a user got the address, changed whether it is the primary, was deleted with it or restored. Of somebody who was erased it tells that somebody had it, until the terms of the deletion are over. nextCursor, when it is not null, fetches the next page. Who asks is on record (GET /activity).",
    target: to("smtp-registry.history", (parts) => addressOf(parts) as ActionInput<"smtp-registry.history">),
    ...addressPath("The address whose past is told"),
    query: { limit: ListAddressHistory.shape.limit, cursor: ListAddressHistory.shape.cursor },
    status: 200,
    answer: { schema: AddressHistoryPage, example: example.addressHistoryPage },
    problems: [],
  },
  {
    id: "releaseAddress",
    method: "POST",
    path: "/smtp/:address/release",
    tag: "addresses",
    scope: "addresses:release",
    summary: "Give an address of a deleted user free before its terms are over",
    description:
      "From then on anybody may take it. A restore of the user asks for it again, as after the terms: it succeeds while nobody else has the address. Refused while somebody has it; 404 when it is kept for nobody. Who did it stands in the audit log and, with the reason, in the activity (GET /activity).",
    target: to("users.release", releaseInput),
    ...addressPath("The address that is released"),
    query: {},
    ...body(ReleaseBody, jsonAlone, example.releaseReason),
    status: 204,
    write: true,
    problems: ["not-found", "address-held", ...bodyProblems, ...keyProblems],
  },
];
