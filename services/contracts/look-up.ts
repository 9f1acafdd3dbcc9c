/** Who holds an address, as it is asked and as it is answered. */
import * as z from "zod";
import { AddressKind, AddressStatus, UserId, WrittenSmtpAddress } from "./user.ts";

export const LookUpAddress = z
  .strictObject({
    address: WrittenSmtpAddress,
    at: z.iso.datetime({ offset: true }).optional().meta({ description: "A time in the past (RFC 3339)" }),
  })
  .meta({ id: "LookUpAddress" });

export const AddressInfo = z
  .object({
    address: z.string().meta({ description: "As its owner wrote it, or as it was asked for" }),
    status: AddressStatus,
    userId: UserId.nullable().meta({ description: "Who holds it; null when nobody does" }),
    kind: AddressKind.nullable().meta({ description: "As what it is held; null when nobody holds it" }),
  })
  .meta({ id: "AddressInfo" });
export type AddressInfo = z.infer<typeof AddressInfo>;
