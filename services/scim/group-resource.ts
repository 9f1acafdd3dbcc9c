/** Between a group as it is stored and as a client reads and writes it. Pure. Throws Refusal `invalidValue`. */
import { createHash } from "node:crypto";
import { scimRefusal } from "../contracts/scim.ts";
import { caseless } from "./attributes.ts";
import type { ScimGroupRow } from "./group-rows.ts";
import type { MemberRow } from "./group-sql.ts";
import { groupType } from "./schemas.ts";
import type { Members } from "./values.ts";

const nameOctetsMax = 1_024;
const externalIdCharsMax = 256;

export const groupNameKey = (displayName: string): string => caseless(displayName);

/** What a client may write of a group besides its members. */
export interface GroupFields {
  readonly displayName: string;
  readonly displayNameKey: string;
  readonly client: string;
  readonly externalId?: string | null | undefined;
}

/** An externalId is its client's own: what another writes leaves it until that one gives its own. */
export function fieldsOf(
  { displayName, externalId }: Members,
  client: string,
  before?: Pick<GroupFields, "client" | "externalId">,
): GroupFields {
  const name = String(displayName);
  const key = groupNameKey(name);
  if (Math.max(Buffer.byteLength(name), Buffer.byteLength(key)) > nameOctetsMax)
    throw scimRefusal("invalidValue", `displayName has more than ${nameOctetsMax} octets`);
  const given = typeof externalId === "string" ? externalId : null;
  if (given !== null && given.length > externalIdCharsMax)
    throw scimRefusal("invalidValue", `externalId has more than ${externalIdCharsMax} characters`);
  const owner = given === null && before !== undefined && before.client !== client ? before : undefined;
  return {
    displayName: name,
    displayNameKey: key,
    client: given === null && before !== undefined ? before.client : client,
    externalId: owner === undefined ? given : (owner.externalId ?? null),
  };
}

/** As a client patches it. */
export const patchable = (
  { displayName, externalId, client: owner }: GroupFields,
  client: string,
): Members => ({
  displayName,
  ...(externalId != null && owner === client && { externalId }),
});

/** Who is not shown changes what is: a tag of another set of them is another one. */
export function groupTag(version: number, members: readonly MemberRow[] = []): string {
  const hidden = members.filter(({ displayName }) => displayName === null).map(({ userId }) => userId);
  if (hidden.length === 0) return `W/"${version}"`;
  const digest = createHash("sha256").update(hidden.join()).digest("base64url").slice(0, 16);
  return `W/"${version}.${digest}"`;
}

/** Of such a tag, weak or strong; undefined: it is none of ours. */
export function versionIn(tag: string): number | undefined {
  const [, version] = /^(?:W\/)?"?(\d+)(?:\.[\w-]+)?"?$/.exec(tag) ?? [];
  return version === undefined ? undefined : Number(version);
}

interface Reader {
  readonly client: string;
  readonly baseUrl: string;
}

export const groupLocation = (id: string, baseUrl: string): string => `${baseUrl}/Groups/${id}`;

const memberOf = ({ userId: value, displayName: display }: MemberRow, baseUrl: string): Members => ({
  value,
  $ref: `${baseUrl}/Users/${value}`,
  display,
  type: "User",
});

/** Without its members where they were not read. */
export function groupResource(
  row: ScimGroupRow,
  members: readonly MemberRow[] | undefined,
  { client, baseUrl }: Reader,
): Members {
  const shown = members?.filter(({ displayName }) => displayName !== null);
  return {
    schemas: [groupType.schema.id],
    id: row.id,
    ...(row.externalId != null && row.client === client && { externalId: row.externalId }),
    meta: {
      resourceType: groupType.name,
      created: row.createdAt.toISOString(),
      lastModified: row.updatedAt.toISOString(),
      location: groupLocation(row.id, baseUrl),
      version: groupTag(row.version, members),
    },
    displayName: row.displayName,
    ...(shown !== undefined && { members: shown.map((each) => memberOf(each, baseUrl)) }),
  };
}
