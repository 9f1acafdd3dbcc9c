/**
 * Lists of groups. What `displayName eq`, `externalId eq`, `id eq` and `members.value eq`, also joined by `and`, ask for
 * is looked up in indexes; any other filter is held against one group after the other, in a bounded time. Members are read
 * only where they are to be shown, or the filter is about them.
 */
import type { Database, EntityManager } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { scimRefusal } from "../contracts/scim.ts";
import { type AttributePath, resolvePath } from "./attributes.ts";
import { fits } from "./evaluate.ts";
import { type Filter, parseFilter } from "./filter.ts";
import { groupNameKey, groupResource } from "./group-resource.ts";
import type { ScimGroupRow } from "./group-rows.ts";
import {
  type Condition,
  countGroups,
  groupsAfter,
  groupsPage,
  type MemberRow,
  membersOf,
} from "./group-sql.ts";
import type { PageQuery } from "./paging.ts";
import { type Projection, projected } from "./projection.ts";
import { groupType } from "./schemas.ts";
import { isUuid, type Members } from "./values.ts";

export const groupLimits = {
  /** Of one answer: about 10 MB. */
  membersMax: 50_000,
  /** For a filter of which no index knows. */
  walkMsMax: 5_000,
} as const;
type Limits = Readonly<Record<keyof typeof groupLimits, number>>;

const walkBatch = 500;
const beforeAll = "00000000-0000-0000-0000-000000000000";

/** Whoever asks. */
export interface GroupReader {
  readonly client: string;
  /** undefined: every domain. Else only the client's own groups are there, and in them who has an address in these. */
  readonly domains: readonly string[] | undefined;
}

export interface GroupReads {
  readonly db: Database;
  readonly limits?: Limits | undefined;
}

const namesMembers = (name: string): AttributePath | undefined => {
  const path = resolvePath(groupType, name);
  return path?.[0]?.name === "members" ? path : undefined;
};

/** Whether they are to be shown. */
export function wantsMembers({ attributes = [], excludedAttributes = [] }: Projection): boolean {
  if (attributes.length > 0) return attributes.some((name) => namesMembers(name) !== undefined);
  return !excludedAttributes.some((name) => namesMembers(name)?.length === 1);
}

/** Throws Refusal `tooMany`. */
export async function readMembers(
  em: EntityManager,
  groupIds: readonly string[],
  { domains }: GroupReader,
  { membersMax }: Limits = groupLimits,
): Promise<Map<string, MemberRow[]>> {
  const rows = groupIds.length === 0 ? [] : await run(em, membersOf(groupIds, domains, membersMax + 1));
  if (rows.length > membersMax)
    throw scimRefusal(
      "tooMany",
      `More than ${membersMax} members would be told: ask for fewer groups, or with excludedAttributes=members`,
    );
  const byGroup = new Map<string, MemberRow[]>(groupIds.map((id) => [id, []]));
  for (const row of rows) byGroup.get(row.groupId)?.push(row);
  return byGroup;
}

/** Groups whose reader may know of them. */
const ownConditions = ({ client, domains }: GroupReader): Condition[] =>
  domains === undefined ? [] : [{ kind: "client", value: client }];

/** undefined: no index knows; "none": there can't be any. */
function indexed(filter: Filter, { client }: GroupReader): Condition[] | "none" | undefined {
  if (filter.kind === "and") {
    const all = filter.all.map((each) => indexed(each, { client, domains: undefined }));
    if (all.includes(undefined)) return undefined;
    return all.includes("none") ? "none" : (all as Condition[][]).flat();
  }
  if (filter.kind === "has") return ofPath([...filter.path], filter.filter, client);
  return ofPath([], filter, client);
}

/** A comparison by itself, or of one value of the members. */
function ofPath(parents: AttributePath, filter: Filter, client: string): Condition[] | "none" | undefined {
  if (filter.kind !== "compare" || filter.by !== "eq" || typeof filter.value !== "string") return undefined;
  const { value } = filter;
  if (value.includes("\0")) return "none";
  const ofId = (kind: "id" | "member"): Condition[] | "none" =>
    isUuid(value) ? [{ kind, value: value.toLowerCase() }] : "none";
  switch ([...parents, ...filter.path].map(({ name }) => name).join(".")) {
    case "id":
      return ofId("id");
    case "members.value":
      return ofId("member");
    case "displayName":
      return [{ kind: "displayNameKey", value: groupNameKey(value) }];
    case "externalId":
      return [{ kind: "externalId", client, value }];
    default:
      return undefined;
  }
}

function isAboutMembers(filter: Filter): boolean {
  if ("all" in filter) return filter.all.some(isAboutMembers);
  if (filter.kind === "not") return isAboutMembers(filter.filter);
  return filter.path[0]?.name === "members";
}

interface GroupPage {
  readonly totalResults: number;
  readonly resources: Members[];
}

/** Throws Refusal `invalidFilter` or `tooMany`. */
export async function listGroups(
  { db, limits = groupLimits }: GroupReads,
  query: PageQuery,
  reader: GroupReader,
): Promise<GroupPage> {
  const { startIndex, count: limit } = query;
  const page = { offset: startIndex - 1, limit };
  const filter = query.filter === undefined ? undefined : parseFilter(groupType, query.filter);
  const conditions = filter === undefined ? [] : indexed(filter, reader);
  if (conditions === "none") return { totalResults: 0, resources: [] };
  const told = async (em: EntityManager, rows: readonly ScimGroupRow[]): Promise<Members[]> => {
    const ids = rows.map(({ id }) => id);
    const members = wantsMembers(query) ? await readMembers(em, ids, reader, limits) : undefined;
    const shown = { client: reader.client, baseUrl: query.baseUrl };
    return rows.map((row) => projected(groupType, groupResource(row, members?.get(row.id), shown), query));
  };
  if (conditions === undefined && filter !== undefined) {
    const matches = await walked({ db, limits }, filter, query, reader);
    const rows = matches.slice(page.offset, page.offset + page.limit);
    const resources = await db.read((em) => told(em, rows));
    return { totalResults: matches.length, resources };
  }
  return db.snapshot(async (em) => {
    const all = [...ownConditions(reader), ...(conditions ?? [])];
    const [count] = await run(em, countGroups(all, reader.domains));
    const rows = limit === 0 ? [] : await run(em, groupsPage(all, reader.domains, page));
    return { totalResults: count?.total ?? 0, resources: await told(em, rows) };
  });
}

/** All that fit. Throws Refusal `tooMany` when the time is over. */
async function walked(
  { db, limits }: { readonly db: Database; readonly limits: Limits },
  filter: Filter,
  { baseUrl }: PageQuery,
  reader: GroupReader,
): Promise<ScimGroupRow[]> {
  const endMs = performance.now() + limits.walkMsMax;
  const hasMembers = isAboutMembers(filter);
  const matches: ScimGroupRow[] = [];
  const isMatch = async (row: ScimGroupRow): Promise<boolean> => {
    if (performance.now() >= endMs)
      throw scimRefusal(
        "tooMany",
        `Cannot search the groups: it takes longer than ${limits.walkMsMax} ms; ask for displayName, externalId, id or members by eq`,
      );
    const members = hasMembers ? await db.read((em) => readMembers(em, [row.id], reader, limits)) : undefined;
    return fits(filter, groupResource(row, members?.get(row.id), { client: reader.client, baseUrl }));
  };
  for (let after = beforeAll; ; ) {
    const rows = await db.read((em) => run(em, groupsAfter(ownConditions(reader), after, walkBatch)));
    for (const row of rows) if (await isMatch(row)) matches.push(row);
    const last = rows.at(-1);
    if (last === undefined || rows.length < walkBatch) return matches;
    after = last.id;
  }
}
