/** Why a row is refused, in words for whoever has to mend it. Pure. */
import { type GatewayAnswer, type ProblemBody, slugOf } from "../http/patient-client.ts";
import type { WantedUser } from "./row.ts";

/** What stands against an address, by its status. */
const standings: Readonly<Record<string, string>> = {
  active: "belongs to another user",
  reserved: "is just being given to another user",
  deleted: "belonged to a user who was deleted, and a restore gets it back",
  quarantined: "belonged to a user who was deleted, and is not free yet",
  blocked: "is a name that nobody may have",
};

export interface Reason {
  /** A JSON pointer into the wanted user. */
  readonly pointer?: string | undefined;
  readonly detail: string;
  readonly conflict?:
    | { readonly address: string; readonly status: string; readonly userId: string | null }
    | undefined;
}

/** `secondarySmtps x@example.com`: the member and the value that is meant. */
function subject(pointer: string, wanted: WantedUser): string {
  const [member = "", index] = pointer.replace(/^#?\/?/, "").split("/");
  if (member === "") return "";
  const value = wanted[member as keyof WantedUser];
  const item = Array.isArray(value) ? (value[Number(index)] as string | undefined) : value;
  return item === undefined || typeof item !== "string" ? member : `${member} ${item}`;
}

export function reasonText({ pointer = "#", detail, conflict }: Reason, wanted: WantedUser): string {
  const about = subject(pointer, wanted) || conflict?.address || "";
  const standing = conflict === undefined ? undefined : standings[conflict.status];
  const who = conflict?.userId == null ? "" : ` (user ${conflict.userId})`;
  return `${about} ${standing === undefined ? detail : `${standing}${who}`}`.trim();
}

/** One sentence each, with `; ` between. */
export const reasonsText = (reasons: readonly Reason[], wanted: WantedUser): string =>
  reasons.map((reason) => reasonText(reason, wanted)).join("; ");

/** Of an answer that is no success. */
export function problemText(answer: GatewayAnswer, wanted: WantedUser): string {
  const { errors = [], detail, title } = (answer.body ?? {}) as ProblemBody;
  if (errors.length > 0) return reasonsText(errors, wanted);
  return detail ?? title ?? slugOf(answer) ?? `the gateway answers ${answer.status}`;
}

export const checkText = (reasons: readonly Reason[], wanted: WantedUser): string =>
  reasonsText(reasons, wanted);
