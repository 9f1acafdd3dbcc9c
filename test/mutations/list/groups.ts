/** Groups of identity providers: guarantees 56g to 56j. */
import { edit, type Mutation } from "../mutation.ts";
import { always, becomes, call, clause, condition, drops, statement } from "../operators.ts";

const file = "test/integration/scim-groups.test.ts";
const writes = "services/scim/group-writes.ts";
const statements = "services/scim/group-sql.ts";
const nothing = "what changes nothing writes nothing";
const one = "a change of one member of many reads and writes that one alone";
const deleted =
  "who is deleted is not shown, changes the tag, stays over a replace and is back with a restore";
const limited = "whoever is limited to domains sees its own groups, and in them the members of its domains";

export const groups: readonly Mutation[] = [
  {
    name: "group-names-by-case",
    guarantee: "56g",
    edits: [edit("services/scim/group-resource.ts", "groupNameKey", becomes(call("caseless"), "$1"))],
    file,
    title: "a name is one group's, compared without case, also of eight at once",
  },
  {
    name: "no-change-is-a-version",
    guarantee: "56g",
    edits: [edit(writes, "changeGroup", becomes(condition("members"), "false"))],
    file,
    title: nothing,
  },
  {
    name: "groups-not-locked",
    guarantee: "56g",
    edits: [edit(writes, "findGroup", becomes(condition("lockMode"), always))],
    file,
    title: "a version that has passed is 412, and of eight writes that name one a single one is done",
  },
  {
    name: "strangers-are-left-out",
    guarantee: "56g",
    edits: [edit(writes, "changeMembers", drops(statement("scimRefusal")))],
    file,
    title: "what can't be a group or a member is refused, and nothing of it is kept",
  },
  {
    name: "repeat-makes-another-group",
    guarantee: "56g",
    edits: [edit(writes, "writeGroup", drops(statement("remember")))],
    file,
    title: "a repeat of a key has one effect",
  },
  {
    name: "every-patch-reads-members",
    guarantee: "56h",
    edits: [edit(writes, "changeMembers", becomes(condition("replaces"), always))],
    file,
    title: one,
  },
  {
    name: "unwanted-members-are-read",
    guarantee: "56h",
    edits: [
      edit(
        "services/scim/group-lists.ts",
        "wantsMembers",
        becomes(condition("length", "namesMembers"), "false"),
      ),
    ],
    file,
    title: one,
  },
  {
    name: "each-member-with-each-user",
    guarantee: "56h",
    edits: [edit(statements, "livingUser", drops(clause("offset 0")))],
    file,
    title: "a group of thousands is read and replaced in time before the server has counted them",
  },
  {
    name: "empty-list-empties",
    guarantee: "56h",
    edits: [edit("services/scim/group-members.ts", "memberOperation", becomes(condition("isArray"), "true"))],
    file: "test/unit/scim-groups.test.ts",
    title: "an empty list names nobody: it neither adds nor removes",
  },
  {
    name: "deleted-member-is-shown",
    guarantee: "56i",
    edits: [edit(statements, "livingUser", drops(clause("and l.deleted_at is null")))],
    file,
    title: deleted,
  },
  {
    name: "tag-forgets-who-is-hidden",
    guarantee: "56i",
    edits: [edit("services/scim/group-resource.ts", "groupTag", becomes(condition("hidden"), always))],
    file,
    title: deleted,
  },
  {
    name: "erased-stays-a-member",
    guarantee: "56i",
    edits: [edit("services/users/erase.ts", "eraseAll", drops(statement("leaveGroups")))],
    file,
    title: "an erasure takes the memberships with it",
  },
  {
    name: "foreign-groups-are-seen",
    guarantee: "56j",
    edits: [edit(writes, "findGroup", becomes(condition("domains"), "true"))],
    file,
    title: limited,
  },
  {
    name: "foreign-groups-are-listed",
    guarantee: "56j",
    edits: [edit("services/scim/group-lists.ts", "ownConditions", becomes(condition("domains"), "true"))],
    file,
    title: limited,
  },
  {
    name: "foreign-members-are-shown",
    guarantee: "56j",
    edits: [edit(statements, "membersOf", becomes(call("livingUser"), "livingUser(undefined, $2)"))],
    file,
    title: limited,
  },
  {
    name: "foreign-members-are-added",
    guarantee: "56j",
    edits: [edit(statements, "addMembers", becomes(call("livingUser"), "livingUser(undefined, $2)"))],
    file,
    title: limited,
  },
  {
    name: "foreign-members-are-removed",
    guarantee: "56j",
    edits: [edit(statements, "removeMembers", becomes(call("isWithin"), "sql``"))],
    file,
    title: limited,
  },
];
