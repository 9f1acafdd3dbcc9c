/** What a mail server is told of a recipient: as it is asked and as it is answered. */
import * as z from "zod";
import { AddressKind, SmtpAddress } from "./user.ts";

/** Longer than any address that a mail server hands on. */
const recipientCharsMax = 1_000;

export const AskRecipient = z
  .strictObject({
    address: z
      .string()
      .min(1)
      .max(recipientCharsMax)
      .meta({
        description: "As the sender wrote it; a text that is no address is a recipient that nobody is",
        examples: ["ann.lee+news@example.com"],
      }),
  })
  .meta({ id: "AskRecipient" });

export const Recipient = z
  .object({
    address: z.string().meta({ description: "As it was asked for" }),
    primary: SmtpAddress.nullable().meta({ description: "Where it goes; null unless it is accepted" }),
    kind: AddressKind.nullable().meta({
      description: "Which of the user's addresses it is; null: of no user",
    }),
    login: SmtpAddress.nullable().meta({ description: "As whom its user sends; null: nobody does" }),
    active: z.boolean().nullable().meta({ description: "false: the user is disabled; null: of no user" }),
    deliver: z.enum(["accept", "reject", "defer"]).meta({
      description:
        "What the mail server does with the recipient; defer: nobody knows now, the sender tries again",
    }),
    smtp: z.string().meta({ description: "The reply to RCPT TO (RFC 5321, with the codes of RFC 3463)" }),
  })
  .meta({ id: "Recipient" });
export type Recipient = z.infer<typeof Recipient>;
