/** The user as every surface shows it: HTTP answers, action results and the `user` of an event. */
import * as z from "zod";
import { displayOf, objectionToNew, parseAddress } from "./address.ts";
import { newText, storedText } from "./text.ts";

/** A secondary over this number is refused; nothing is ever evicted to make room. */
export const secondarySmtpsMax = 100;
const displayNameCharsMax = 256;
const externalIdCharsMax = 256;
const userNameCharsMax = 256;

/** Fails with what `reasonOf` says of the text. */
const addressUnless = (reasonOf: (text: string) => string | undefined) =>
  z.string().superRefine((value, ctx) => {
    const message = reasonOf(value);
    if (message !== undefined) ctx.addIssue({ code: "custom", message });
  });

const reasonOf = (text: string): string | undefined => {
  const parsed = parseAddress(text);
  return parsed.ok ? undefined : parsed.reason;
};

const addressMeta = { examples: ["ann.lee@example.com"], minLength: 3, maxLength: 254 };

/** An address that a user has: whatever was ever granted. Comparison is always by its conflict key (see address.ts). */
export const SmtpAddress = addressUnless(reasonOf).meta({
  id: "SmtpAddress",
  description: "An SMTP address (RFC 5321, RFC 6531); local part at most 64 octets, whole at most 254",
  ...addressMeta,
});

/** As a client writes it, who may mean one that a user has: what may not be new is refused where that is known. */
export const WrittenSmtpAddress = addressUnless(reasonOf)
  .overwrite(displayOf)
  .meta({
    id: "WrittenSmtpAddress",
    description: "As NewSmtpAddress; one that is held already is taken as it stands",
    ...addressMeta,
  });

/** One that nobody has had before. */
export const NewSmtpAddress = addressUnless(objectionToNew)
  .overwrite(displayOf)
  .meta({
    id: "NewSmtpAddress",
    description:
      "An SMTP address (RFC 5321, RFC 6531): before the @ unquoted, of letters, digits and marks of any script and ASCII (IdentifierClass of PRECIS, RFC 8264), without what mail servers take for an instruction, at most 64 octets; a domain name, kept in its UTS 46 mapped form with U-labels; at most 254 octets in all, also in A-labels",
    ...addressMeta,
  });

/** A name that a user has: whatever was ever taken. */
export const DisplayName = storedText(displayNameCharsMax).meta({
  id: "DisplayName",
  description: "The name that people see",
  examples: ["Ann Lee"],
});

export const NewDisplayName = newText(displayNameCharsMax).meta({
  id: "NewDisplayName",
  description:
    "The name that people see: one line with something to be seen in it, without controls of the writing direction; space around it is dropped",
  examples: ["Ann Lee"],
});

const externalIdMeta = {
  description:
    "The user's id in the system that they come from: of one user at most, compared as it is written; null: none",
  examples: ["E-104711"],
};

/** One that a user has: whatever was ever taken. */
export const ExternalId = storedText(externalIdCharsMax).meta({ id: "ExternalId", ...externalIdMeta });
export const NewExternalId = newText(externalIdCharsMax).meta({ id: "NewExternalId", ...externalIdMeta });

const userNameMeta = {
  description:
    "The name by which an identity provider knows the user: of one living user at most, compared without case (NFKC); null: none",
  examples: ["ann.lee@example.com"],
};

/** One that a user has: whatever was ever taken. */
export const UserName = storedText(userNameCharsMax).meta({ id: "UserName", ...userNameMeta });
export const NewUserName = newText(userNameCharsMax).meta({ id: "NewUserName", ...userNameMeta });

/** By which two userNames are compared. */
export const userNameKey = (userName: string): string => userName.normalize("NFKC").toLowerCase();

const Active = z.boolean().meta({
  description: "false: the account is not in use; the user stays, and so do the addresses",
});

const asSecondaries = <T extends z.ZodType<string>>(address: T) =>
  z
    .array(address)
    .max(secondarySmtpsMax, `must have at most ${secondarySmtpsMax} addresses`)
    .meta({ description: "A set: an address repeated, or equal to the primary, is kept once" });

export const UserId = z.uuid().meta({ id: "UserId", description: "UUID version 7 (RFC 9562)" });

/** In what a user has, in a create, and in a replace or a patch, where a client may send back what the user has. */
type Form = "stored" | "created" | "written";

/** A member that a client writes; `none`: what stands for its absence, without which it is required. */
type UserField = Readonly<Record<Form, z.ZodType>> & {
  readonly isSearched: boolean;
  readonly none?: unknown;
};

/**
 * What a client writes of a user, each field once: requests, answers, events, rows, changes, the search and what a log
 * line masks are derived from this table. Docs: docs/adr/0030-a-users-field-is-named-once.md.
 */
export const userFields = {
  displayName: { stored: DisplayName, created: NewDisplayName, written: DisplayName, isSearched: true },
  primarySmtp: {
    stored: SmtpAddress,
    created: NewSmtpAddress,
    written: WrittenSmtpAddress,
    isSearched: true,
  },
  secondarySmtps: {
    stored: z.array(SmtpAddress).meta({ description: "Further addresses of this user alone" }),
    created: asSecondaries(NewSmtpAddress),
    written: asSecondaries(WrittenSmtpAddress),
    isSearched: true,
    none: [],
  },
  externalId: {
    stored: ExternalId,
    created: NewExternalId,
    written: ExternalId,
    isSearched: true,
    none: null,
  },
  // Events of before it say nothing of it.
  active: { stored: Active.default(true), created: Active, written: Active, isSearched: false, none: true },
  userName: {
    stored: UserName,
    created: NewUserName,
    written: UserName,
    isSearched: true,
    none: null,
  },
} as const satisfies Record<string, UserField>;
type Fields = typeof userFields;
export type UserFieldName = keyof Fields;
export const userFieldNames = Object.keys(userFields) as UserFieldName[];

/** What stands for the absence of a field; undefined: it is required. */
export const noneOf = (name: UserFieldName): unknown => (userFields[name] as UserField).none;

type None<F extends UserFieldName> = Fields[F] extends { none: infer N } ? N : undefined;
type Nullish<S extends z.ZodType> = z.ZodOptional<z.ZodNullable<S>>;
type RequestFields<W extends Form> = {
  [F in UserFieldName]: None<F> extends undefined
    ? Fields[F][W]
    : None<F> extends null
      ? Nullish<Fields[F][W]>
      : z.ZodOptional<Fields[F][W]>;
};

const shapeOf = (member: (field: UserField) => z.ZodType): object =>
  Object.fromEntries(Object.entries(userFields).map(([name, field]) => [name, member(field)]));

/** A field whose absence is null may be left out as well: it is of before there was this field. */
const storedFields = shapeOf(({ stored, none }) => (none === null ? stored.nullish() : stored)) as {
  [F in UserFieldName]: None<F> extends null ? Nullish<Fields[F]["stored"]> : Fields[F]["stored"];
};

const requestMember = (form: Form) => (field: UserField) => {
  if (field.none === null) return field[form].nullish();
  return field.none === undefined ? field[form] : field[form].optional();
};
export const createdFields = shapeOf(requestMember("created")) as RequestFields<"created">;
export const replacedFields = shapeOf(requestMember("written")) as RequestFields<"written">;
/** A merge patch (RFC 7396): what may be absent is taken away by null. */
export const patchedFields = shapeOf(({ written, none }) =>
  none === undefined ? written.optional() : written.nullish(),
) as {
  [F in UserFieldName]: None<F> extends undefined
    ? z.ZodOptional<Fields[F]["written"]>
    : Nullish<Fields[F]["written"]>;
};

export const User = z
  .object({
    id: UserId,
    ...storedFields,
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

/** What may not be new is refused, unless the user has it: a write of theirs reserves all that they have. */
export const ReservedAddress = z
  .strictObject({
    address: WrittenSmtpAddress,
    kind: AddressKind,
    kept: z
      .boolean()
      .optional()
      .meta({ description: "The user has it already, and it is taken as it stands" }),
  })
  .superRefine(({ address, kept }, ctx) => {
    const message = kept === true ? undefined : objectionToNew(address);
    if (message !== undefined) ctx.addIssue({ code: "custom", path: ["address"], message });
  });

export const AddressStatus = z
  .enum(["available", "reserved", "active", "deleted", "quarantined", "blocked"])
  .meta({
    id: "AddressStatus",
    description:
      "available: anyone may take it; reserved: promised to a write under way; active: a user has it; deleted: a restore of its user gets it back; quarantined: only its last owner may take it; blocked: nobody ever",
  });
export type AddressStatus = z.infer<typeof AddressStatus>;

/** What stands against an address that a request wants, in the words of `GET /smtp/:address`. */
export const AddressConflict = z
  .object({
    address: z.string().meta({ description: "The address that the request wants" }),
    status: AddressStatus,
    userId: UserId.nullable().meta({
      description:
        "Who has it, or had it last; null: nobody (it is blocked), or a write that is just being committed",
    }),
  })
  .meta({ id: "AddressConflict" });
export type AddressConflict = z.infer<typeof AddressConflict>;

/** Who has the externalId that a request wants. */
export const ExternalIdConflict = z
  .object({
    externalId: z.string().meta({ description: "The externalId that the request wants" }),
    status: z.enum(["active", "deleted"]).meta({
      description:
        "active: a user has it; deleted: it is kept for one who was deleted, as long as the addresses are",
    }),
    userId: UserId.nullable().meta({ description: "Who has it; null: somebody whom the caller may not see" }),
  })
  .meta({ id: "ExternalIdConflict" });
export type ExternalIdConflict = z.infer<typeof ExternalIdConflict>;

/** Who has the userName that a request wants. */
export const UserNameConflict = z
  .object({
    userName: z.string().meta({ description: "The userName that the user would have" }),
    status: z.literal("active").meta({ description: "A living user has it" }),
    userId: UserId.nullable().meta({ description: "Who has it; null: somebody whom the caller may not see" }),
  })
  .meta({ id: "UserNameConflict" });

export const FieldConflict = z.union([AddressConflict, ExternalIdConflict, UserNameConflict]);
export type FieldConflict = z.infer<typeof FieldConflict>;
