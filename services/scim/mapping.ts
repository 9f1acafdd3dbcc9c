/**
 * Between a user of the registry and a user of SCIM (docs/adr/0056). Pure.
 *
 * A client owns only the addresses that it gave: `emails` shows these, and what it says of them changes no others. What
 * it says as it said it before changes nothing, so a change that was made elsewhere in between stays.
 */
import { isDeepStrictEqual } from "node:util";
import { addressKey, parseAddress } from "../contracts/address.ts";
import type { ScimDocument } from "../contracts/provision.ts";
import { scimRefusal } from "../contracts/scim.ts";
import type { User } from "../contracts/user.ts";
import { caseless } from "./attributes.ts";
import { userType } from "./schemas.ts";
import { isObject, type Members } from "./values.ts";

/** What is kept of a user beside the registry's own fields, in octets of its JSON. */
const documentOctetsMax = 32 * 1_024;

/** As the registry has it; without a userName no client has given one, and the primary address stands for it. */
export type RegistryUser = Omit<User, "externalId">;

/** What clients of SCIM have said of a user. */
export interface Document {
  readonly client: string;
  readonly externalId: string | null;
  /** As they were given; none: the client gave none, or took all away. */
  readonly emails: readonly unknown[];
  readonly attributes: Members;
}

export interface Known {
  readonly user: RegistryUser;
  /** undefined: the user was made elsewhere, and no client has written it yet. */
  readonly document?: Document | undefined;
}

/** The state that a write asks for. */
export interface Wanted {
  readonly user: {
    readonly displayName: string;
    readonly primarySmtp: string;
    readonly secondarySmtps: string[];
    readonly active: boolean;
    readonly userName: string | null;
  };
  readonly scim: ScimDocument;
}

export interface Writer {
  /** By whose name an externalId is kept. */
  readonly client: string;
  /** Where the addresses of names are that are none. */
  readonly defaultDomain?: string | undefined;
}

const keyOf = (value: unknown): string | undefined => {
  const parsed = parseAddress(String(isObject(value) ? value.value : value));
  return parsed.ok ? parsed.key : undefined;
};

const addressesOf = ({ primarySmtp, secondarySmtps }: RegistryUser): string[] => [
  primarySmtp,
  ...secondarySmtps,
];

/** Of what a client gave that which the user still has; of a user made elsewhere the primary. */
function shownEmails({ user, document }: Known): unknown[] {
  if (document === undefined) return [{ value: user.primarySmtp, type: "work", primary: true }];
  const addresses = addressesOf(user);
  // As it was given most are kept: a look at everybody reads no address of theirs.
  const written = new Set<unknown>(addresses);
  let held: Set<string> | undefined;
  return document.emails.filter((email) => {
    if (isObject(email) && written.has(email.value)) return true;
    held ??= new Set(addresses.map(addressKey));
    return held.has(keyOf(email) ?? "");
  });
}

const userAttributes = userType.attributes.map(({ name }) => name);

/** As a client reads and patches it; without `id`, `schemas` and `meta`. */
export function resourceOf(known: Known, { client }: Pick<Writer, "client">): Members {
  const { user, document } = known;
  const { displayName: given, ...attributes } = document?.attributes ?? {};
  const emails = shownEmails(known);
  const isOwn = document?.client === client && document.externalId !== null;
  const members: Members = {
    ...attributes,
    userName: user.userName ?? user.primarySmtp,
    active: user.active,
    ...(isOwn && { externalId: document.externalId }),
    ...((document === undefined || given !== undefined) && { displayName: user.displayName }),
    ...(emails.length > 0 && { emails }),
  };
  const names = userAttributes.filter((name) => Object.hasOwn(members, name));
  return Object.fromEntries(names.map((name) => [name, members[name]]));
}

/** The name that people see: of what a client gives the first of these. */
function displayNameOf({ displayName, name, userName }: Members): string {
  const { formatted, givenName, familyName } = isObject(name) ? name : {};
  const parts = [givenName, familyName].filter((part) => part !== undefined).join(" ");
  const given = [displayName, formatted, parts, userName].find(
    (each) => typeof each === "string" && each.trim() !== "",
  );
  return String(given).trim();
}

/** An address that is none is refused by the registry's rule; here it must be a text. Each is kept once. */
function givenEmails(resource: Members): Members[] {
  const emails = new Map<string, Members>();
  for (const email of (resource.emails ?? []) as Members[]) {
    const { value } = email;
    const parsed = parseAddress(String(value ?? ""));
    if (!parsed.ok) throw scimRefusal("invalidValue", `emails: the value ${parsed.reason}`);
    const there = emails.get(parsed.key);
    if (there === undefined) emails.set(parsed.key, { ...email, type: email.type ?? "other" });
    else if (email.primary === true) emails.set(parsed.key, { ...there, primary: true });
  }
  return [...emails.values()];
}

const chosenPrimary = (emails: readonly Members[]): Members | undefined =>
  emails.find(({ primary }) => primary === true) ??
  emails.find(({ type }) => caseless(String(type)) === "work") ??
  emails[0];

function addressOfName(userName: string, defaultDomain: string | undefined): string {
  if (parseAddress(userName).ok) return userName;
  const address = `${userName}@${defaultDomain}`;
  if (defaultDomain !== undefined && parseAddress(address).ok) return address;
  throw scimRefusal(
    "invalidValue",
    "emails is missing, and userName is neither an address nor can one be made of it",
  );
}

/** The addresses that the user is to have: those given, those that no client sees, and the primary of before. */
function wantedAddresses(
  before: Known | undefined,
  resource: Members,
  emails: readonly Members[],
  writer: Writer,
): Pick<Wanted["user"], "primarySmtp" | "secondarySmtps"> {
  const said = before === undefined ? undefined : resourceOf(before, writer);
  const isNameSame = said?.userName === resource.userName;
  const isSame = isDeepStrictEqual(said?.emails ?? [], emails);
  if (before !== undefined && isSame && (emails.length > 0 || isNameSame))
    return { primarySmtp: before.user.primarySmtp, secondarySmtps: [...before.user.secondarySmtps] };
  const chosen =
    chosenPrimary(emails)?.value ?? addressOfName(String(resource.userName), writer.defaultDomain);
  const primarySmtp = String(chosen);
  const shown = new Set((before === undefined ? [] : shownEmails(before)).map(keyOf));
  const kept = (before === undefined ? [] : addressesOf(before.user)).filter(
    (address, at) => at === 0 || !shown.has(addressKey(address)),
  );
  const secondaries = new Map(
    [...emails.map(({ value }) => String(value)), ...kept].map((address) => [addressKey(address), address]),
  );
  secondaries.delete(addressKey(primarySmtp));
  return { primarySmtp, secondarySmtps: [...secondaries.values()] };
}

/** Of a user to whom no client has given a name: one that is said as it is shown stays the primary address. */
const isNameKept = (before: Known | undefined, said: Members | undefined, userName: unknown): boolean =>
  before !== undefined && before.user.userName == null && said?.userName === userName;

/**
 * What a resource, as values.ts makes it, asks for. `before`: the user whom it replaces. Throws Refusal `invalidValue`.
 */
export function stateWanted(before: Known | undefined, resource: Members, writer: Writer): Wanted {
  const { userName, externalId, emails: _, active, ...attributes } = resource;
  const emails = givenEmails(resource);
  if (Buffer.byteLength(JSON.stringify([attributes, emails])) > documentOctetsMax)
    throw scimRefusal("invalidValue", `The user has more than ${documentOctetsMax} octets of attributes`);
  const said = before === undefined ? undefined : resourceOf(before, writer);
  const isNamedSame = said !== undefined && displayNameOf(said) === displayNameOf(resource);
  const others = before?.document;
  // Another client's externalId stays until this one gives its own.
  const isOthers = others !== undefined && others.client !== writer.client && others.externalId !== null;
  const owner = externalId === undefined && isOthers ? others : { client: writer.client, externalId };
  return {
    user: {
      displayName: isNamedSame && before !== undefined ? before.user.displayName : displayNameOf(resource),
      ...wantedAddresses(before, resource, emails, writer),
      active: typeof active === "boolean" ? active : (before?.user.active ?? true),
      userName: isNameKept(before, said, userName) ? null : String(userName),
    },
    scim: {
      client: owner.client,
      externalId: typeof owner.externalId === "string" ? owner.externalId : null,
      emails,
      attributes,
    },
  };
}
