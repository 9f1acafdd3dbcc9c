/** An address that was given in place of the one asked for, as the answer, the event and the audit log tell it. */
import * as z from "zod";
import { AddressKind, AddressStatus, SmtpAddress } from "./user.ts";

export const Assignment = z
  .object({
    requested: SmtpAddress.meta({ description: "What the request asked for" }),
    assigned: SmtpAddress.meta({ description: "What the user got" }),
    kind: AddressKind,
    reason: AddressStatus.meta({ description: "What the requested address was" }),
  })
  .meta({ id: "Assignment" });
export type Assignment = z.infer<typeof Assignment>;

export const Assignments = z
  .array(Assignment)
  .optional()
  .meta({ description: "Each address that the request asked for and did not get, and why" });
