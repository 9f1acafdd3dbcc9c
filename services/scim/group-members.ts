/**
 * What a client asks of a group's members, as ids that come and ids that go: nobody reads the members for it. Pure.
 * Throws Refusal.
 */
import { scimRefusal } from "../contracts/scim.ts";
import { type Attribute, attributeOf, caseless, resolvePath } from "./attributes.ts";
import { fits } from "./evaluate.ts";
import { type Filter, type PatchPath, parsePath } from "./filter.ts";
import { type Operation, patched } from "./patch.ts";
import { groupType } from "./schemas.ts";
import { isEmpty, isObject, isUuid, listIn, type Members } from "./values.ts";

export interface MemberChange {
  /** Only who is added is one afterwards; nobody is removed by name then. */
  readonly replaces: boolean;
  readonly added: ReadonlySet<string>;
  readonly removed: ReadonlySet<string>;
}

const none: ReadonlySet<string> = new Set();
export const noChange: MemberChange = { replaces: false, added: none, removed: none };
export const replacedBy = (ids: ReadonlySet<string>): MemberChange => ({
  replaces: true,
  added: ids,
  removed: none,
});

const membersAttribute = attributeOf(groupType.attributes, "members") as Attribute;

/** The ids of values as values.ts makes them. Whether they are users' knows the database. */
export function memberIds(values: unknown): Set<string> {
  const given = Array.isArray(values) ? values : [];
  return new Set(
    given.map((each) => {
      const { value, type = "User" } = isObject(each) ? each : {};
      if (caseless(String(type)) !== "user")
        throw scimRefusal("invalidValue", "members: only users can be members");
      if (!isUuid(value)) throw scimRefusal("invalidValue", "members: a value is not the id of a user");
      return value.toLowerCase();
    }),
  );
}

const union = (one: ReadonlySet<string>, other: ReadonlySet<string>) => new Set([...one, ...other]);
const without = (one: ReadonlySet<string>, other: ReadonlySet<string>) =>
  new Set([...one].filter((each) => !other.has(each)));

const adding = ({ replaces, added, removed }: MemberChange, ids: ReadonlySet<string>): MemberChange => ({
  replaces,
  added: union(added, ids),
  removed: without(removed, ids),
});
const removing = ({ replaces, added, removed }: MemberChange, ids: ReadonlySet<string>): MemberChange => ({
  replaces,
  added: without(added, ids),
  removed: replaces ? none : union(removed, ids),
});

/** Ids that a filter names by `value eq`, among which all are that fit; undefined: it asks for something else. */
function named(filter: Filter): string[] | undefined {
  if (filter.kind === "compare" && filter.by === "eq")
    return filter.path.at(-1)?.name === "value" ? [String(filter.value)] : undefined;
  if (filter.kind !== "and" && filter.kind !== "or") return undefined;
  const all = filter.all.map(named);
  if (filter.kind === "and") return all.find((each) => each !== undefined);
  return all.every((each) => each !== undefined) ? all.flat() : undefined;
}

function meantBy(filter: Filter): Set<string> {
  const candidates = named(filter);
  if (candidates === undefined)
    throw scimRefusal("invalidFilter", 'Cannot patch: a member is named by members[value eq "…"]');
  const meant = candidates.filter((value) => fits(filter, { value, type: "User" }));
  return new Set(meant.filter(isUuid).map((value) => value.toLowerCase()));
}

/** Who is removed by a list of values; what can't be an id is nobody's. */
const removedBy = (value: unknown): Set<string> =>
  memberIds(listIn(membersAttribute, value).filter((each) => isObject(each) && isUuid(each.value)));

function memberOperation(
  change: MemberChange,
  op: Operation["op"],
  { path, filter, sub }: PatchPath,
  value: unknown,
): MemberChange {
  const part = sub ?? path[1];
  const isRemoved = op === "remove" || (op === "replace" && isEmpty(value));
  if (part !== undefined || (filter !== undefined && !isRemoved))
    throw scimRefusal(
      "mutability",
      part?.mutability === "readOnly"
        ? `${part.name} is read-only`
        : "A member is added or removed, and not changed",
    );
  if (filter !== undefined) return removing(change, meantBy(filter));
  // An empty list names nobody: it must not empty the group.
  if (op === "remove")
    return isEmpty(value) && !Array.isArray(value) ? replacedBy(none) : removing(change, removedBy(value));
  const ids = isEmpty(value) ? none : memberIds(listIn(membersAttribute, value));
  return op === "replace" ? replacedBy(ids) : adding(change, ids);
}

/** Whether a name that stands in a value without path is of the members; what is unknown is of nothing. */
function isOfMembers(name: string): boolean {
  const path = resolvePath(groupType, name) ?? (/[[.]/.test(name) ? parsePath(groupType, name).path : []);
  return path[0] === membersAttribute && !path.some(({ mutability }) => mutability === "readOnly");
}

export interface GroupPatch {
  /** What the group has besides its members. */
  readonly fields: Members;
  readonly change: MemberChange;
}

/** All operations, in their order. */
export function groupPatched(fields: Members, operations: readonly Operation[]): GroupPatch {
  return operations.reduce<GroupPatch>(operated, { fields, change: noChange });
}

function operated({ fields, change }: GroupPatch, operation: Operation): GroupPatch {
  const { op, path, value } = operation;
  if (path !== undefined) {
    const target = parsePath(groupType, path);
    return target.path[0] === membersAttribute
      ? { fields, change: memberOperation(change, op, target, value) }
      : { fields: patched(groupType, fields, [operation]), change };
  }
  if (op === "remove" || !isObject(value)) return { fields: patched(groupType, fields, [operation]), change };
  const entries = Object.entries(value);
  const ofMembers = entries.filter(([name]) => isOfMembers(name));
  const rest = Object.fromEntries(entries.filter(([name]) => !isOfMembers(name)));
  return {
    fields: patched(groupType, fields, [{ op, value: rest }]),
    change: ofMembers.reduce(
      (before, [name, each]) => memberOperation(before, op, parsePath(groupType, name), each),
      change,
    ),
  };
}
