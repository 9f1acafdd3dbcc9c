/** The user as every surface shows it: HTTP answers, action results and the `user` of an event. */
import * as z from "zod";
import { parseAddress } from "./address.ts";

/** A secondary over this number is refused; nothing is ever evicted to make room. */
export const secondarySmtpsMax = 100;
const displayNameCharsMax = 256;

/** An SMTP address as a person wrote it. Comparison is always by its conflict key (see address.ts). */
export const SmtpAddress = z
  .string()
  .superRefine((value, ctx) => {
    const parsed = parseAddress(value);
    if (!parsed.ok) ctx.addIssue({ code: "custom", message: parsed.reason });
  })
  .meta({
    id: "SmtpAddress",
    description: "An SMTP address (RFC 5321, RFC 6531); local part at most 64 octets, whole at most 254",
    examples: ["ann.lee@example.com"],
    minLength: 3,
    maxLength: 254,
  });

export const DisplayName = z
  .string()
  .trim()
  .min(1, "must not be empty")
  .max(displayNameCharsMax, `must have at most ${displayNameCharsMax} characters`)
  .refine((value) => !/\p{Cc}/u.test(value), "must not contain control characters")
  .refine((value) => value.isWellFormed(), "must be well-formed Unicode")
  .meta({ id: "DisplayName", description: "The name that people see", examples: ["Ann Lee"] });

export const SecondarySmtps = z
  .array(SmtpAddress)
  .max(secondarySmtpsMax, `must have at most ${secondarySmtpsMax} addresses`)
  .meta({ description: "A set: an address repeated, or equal to the primary, is kept once" });

export const UserId = z.uuid().meta({ id: "UserId", description: "UUID version 7 (RFC 9562)" });

export const User = z
  .object({
    id: UserId,
    displayName: DisplayName,
    primarySmtp: SmtpAddress,
    secondarySmtps: z.array(SmtpAddress).meta({ description: "Further addresses of this user alone" }),
    version: z.int().min(1).meta({ description: "Counts the changes of this user; the ETag is this number" }),
    createdAt: z.iso.datetime().meta({ description: "When the user was created" }),
    updatedAt: z.iso.datetime().meta({ description: "When the user last changed" }),
  })
  .meta({ id: "User" });
export type User = z.infer<typeof User>;

export const AddressKind = z
  .enum(["primary", "secondary"])
  .meta({ id: "AddressKind", description: "Whether it is the user's one primary address" });
export type AddressKind = z.infer<typeof AddressKind>;

export const AddressStatus = z
  .enum(["available", "reserved", "active", "deleted", "quarantined", "blocked"])
  .meta({
    id: "AddressStatus",
    description:
      "available: anyone may take it; reserved: promised to a write under way; active: a user has it; deleted: a restore of its user gets it back; quarantined: only its last owner may take it; blocked: nobody ever",
  });
export type AddressStatus = z.infer<typeof AddressStatus>;
