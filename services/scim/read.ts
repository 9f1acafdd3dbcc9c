/**
 * Users as clients of SCIM see them, straight from their rows: what the registry has and what clients said of it, at one
 * moment. Deleted ones too, whom a create brings back; never one who was erased.
 */
import { coalescer } from "../../mixins/coalescing.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { type Principal, reaches } from "../contracts/access.ts";
import { parseAddress } from "../contracts/address.ts";
import { userNameKey } from "../contracts/user.ts";
import { caseless } from "./attributes.ts";
import { type Known, type RegistryUser, resourceOf, type Writer } from "./mapping.ts";
import { userType } from "./schemas.ts";
import { type Sought, type UserRow, userById, usersSought } from "./sql.ts";
import { isUuid, type Members } from "./values.ts";

/** Deleted users of one userName, or users of one externalId, that are looked at. */
const sameMax = 100;
const findLimits = { itemsMax: 64, endOfTurn: true };

export interface KnownUser extends Known {
  /** Of the document; 0 where there is none. */
  readonly revision: number;
  /** When the document last changed; null where there is none. */
  readonly scimUpdatedAt: string | null;
  readonly deletedAt: string | null;
}

export const knownOf = (row: UserRow): KnownUser => ({
  user: {
    id: row.id,
    displayName: row.displayName,
    primarySmtp: row.primarySmtp,
    secondarySmtps: row.secondarySmtps,
    active: row.active,
    userName: row.userName,
    version: row.version,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  },
  document:
    row.client === null
      ? undefined
      : {
          client: row.client,
          externalId: row.externalId,
          emails: row.emails ?? [],
          attributes: row.attributes ?? {},
        },
  revision: row.revision ?? 0,
  scimUpdatedAt: row.scimUpdatedAt?.toISOString() ?? null,
  deletedAt: row.deletedAt?.toISOString() ?? null,
});

/** PostgreSQL can't be asked for a NUL, and nothing that is kept has one. */
export const isAskable = (text: string): boolean => !text.includes("\0");

/** By which the guard of the addresses may know a text that compares without case as an address. */
export const addressKeysOf = (text: string): string[] => {
  const keys = [...new Set([text, caseless(text)])]
    .map((each) => parseAddress(each))
    .flatMap((each) => (each.ok ? each.key : []));
  return [...new Set(keys)];
};

/** undefined: nobody has it, or it is no id of ours. */
export async function knownById(db: Database, id: string): Promise<KnownUser | undefined> {
  if (!isUuid(id)) return undefined;
  const [row] = await db.read((em) => run(em, userById(id.toLowerCase())));
  return row && knownOf(row);
}

/** Of users: a userName, an externalId of a client, or both. */
export interface Asked {
  readonly userName?: string | undefined;
  readonly client?: string;
  readonly externalId?: string | undefined;
}

/** Each list: the living first, then who was deleted, the last one first. */
export interface Found {
  /**
   * Who has this userName, compared without case; of a user without one the primary address is it. Of the living there may
   * be two: one who has it, and one whose address it is.
   */
  readonly named: readonly KnownUser[];
  /** Whom the client knows by its id for them. */
  readonly assigned: readonly KnownUser[];
}

/** Whoever looks at the same time shares a statement, which is of after all have asked. */
export function userFinder(db: Database): (asked: Asked) => Promise<Found> {
  const find = coalescer(async (sought: readonly Sought[]) => {
    const rows = await db.read((em) => run(em, usersSought(sought, sameMax)));
    return sought.map((_, at) => ({ value: rows.filter(({ place }) => place === at + 1) }));
  }, findLimits);
  return async ({ userName, client, externalId }) => {
    const name = userName !== undefined && isAskable(userName) ? userNameKey(userName) : undefined;
    const addresses = name === undefined || userName === undefined ? [] : addressKeysOf(userName);
    const isKnown = externalId !== undefined && isAskable(externalId);
    const known = (await find({ name, addresses, ...(isKnown && { client, externalId }) })).map((row) =>
      knownOf(row),
    );
    return {
      named: known.filter(({ user }) => name === userNameKey(user.userName ?? user.primarySmtp)),
      assigned: isKnown
        ? known.filter(({ document }) => document?.client === client && document?.externalId === externalId)
        : [],
    };
  };
}

/** Whether somebody limited to domains may know that there is this user: with an address in one of them. */
export const isSeenBy = (
  asker: Principal | null | undefined,
  { primarySmtp, secondarySmtps }: RegistryUser,
): boolean =>
  [primarySmtp, ...secondarySmtps].some((address) => {
    const parsed = parseAddress(address);
    return parsed.ok && reaches(asker, parsed.asciiDomain);
  });

/** As ETag has it: of the user's version, and of the document's where it has changed by itself. */
export const versionTag = ({ user, revision }: Pick<KnownUser, "user" | "revision">): string =>
  revision === 0 ? `W/"${user.version}"` : `W/"${user.version}.${revision}"`;

export const locationOf = (id: string, baseUrl: string): string => `${baseUrl}/Users/${id}`;

/** Both as toISOString writes them. */
const later = (one: string, other: string | null): string => (other !== null && other > one ? other : one);

/** The whole resource. */
export function scimResourceOf(
  known: Pick<KnownUser, "user" | "document" | "revision" | "scimUpdatedAt">,
  { client, baseUrl }: Pick<Writer, "client"> & { readonly baseUrl: string },
): Members {
  const { user } = known;
  const members = resourceOf(known, { client });
  const extensions = userType.extensions.map(({ id }) => id).filter((id) => Object.hasOwn(members, id));
  return {
    schemas: [userType.schema.id, ...extensions],
    id: user.id,
    ...members,
    meta: {
      resourceType: userType.name,
      created: user.createdAt,
      lastModified: later(user.updatedAt, known.scimUpdatedAt),
      location: locationOf(user.id, baseUrl),
      version: versionTag(known),
    },
  };
}
