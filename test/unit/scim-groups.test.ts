/** What a patch of a group makes of its members, without knowing them. */
import test from "ava";
import fc from "fast-check";
import { Refusal } from "../../services/contracts/errors.ts";
import { groupPatched, type MemberChange } from "../../services/scim/group-members.ts";
import { groupTag, versionIn } from "../../services/scim/group-resource.ts";
import { type Operation, patched } from "../../services/scim/patch.ts";
import { groupType } from "../../services/scim/schemas.ts";
import { isObject } from "../../services/scim/values.ts";

const people = Array.from({ length: 6 }, (_, n) => `01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c0${n}`);
const somebody = fc.constantFrom(...people);
const some = fc.uniqueArray(somebody, { minLength: 1, maxLength: 4 });
const valued = (ids: readonly string[]) => ids.map((value) => ({ value }));
const someOf = some.map(valued);

/** As the members of a whole group are patched, too (patch.ts). */
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ op: fc.constantFrom("add", "replace", "remove"), path: fc.constant("members"), value: someOf }),
  fc.record({ op: fc.constantFrom("add", "replace"), value: someOf.map((members) => ({ members })) }),
  fc.record({
    op: fc.constant("remove" as const),
    path: fc.oneof(
      fc.constant("members"),
      some.map((ids) => `members[${ids.map((id) => `value eq "${id}"`).join(" or ")}]`),
      somebody.map((id) => `members[value eq "${id}" and type eq "user"]`),
    ),
    value: fc.constant(undefined),
  }),
  fc.record({
    op: fc.constant("replace" as const),
    path: fc.constant("displayName"),
    value: fc.constantFrom("Sales", "Support"),
  }),
);

const applied = ({ replaces, added, removed }: MemberChange, before: readonly string[]): string[] => [
  ...new Set([...(replaces ? [] : before).filter((id) => !removed.has(id)), ...added]),
];

test("a patch changes members that nobody has read as it changes those of a whole group", (t) => {
  fc.assert(
    fc.property(fc.subarray(people), fc.array(operation, { minLength: 1, maxLength: 6 }), (before, ops) => {
      const members = valued(before).map((member) => ({ ...member, type: "User" }));
      // What is added has no type; by value eq … and type eq … a group that is shown is meant, in which each has one.
      const whole = ops.reduce(
        (group, op) => {
          const after = patched(groupType, group, [op]);
          const typed = ((after.members ?? []) as { value: string }[]).map(({ value }) => value);
          return {
            ...after,
            members: valued([...new Set(typed)]).map((each) => ({ ...each, type: "User" })),
          };
        },
        { displayName: "All", members } as Record<string, unknown>,
      );
      const { fields, change } = groupPatched({ displayName: "All" }, ops);
      const want = (whole.members as { value: string }[]).map(({ value }) => value);
      t.deepEqual(applied(change, before).toSorted(), want.toSorted());
      t.is(fields.displayName, whole.displayName);
    }),
  );
});

test("whatever stands in a patch ends in ids or in a refusal", (t) => {
  const value = fc.oneof(
    fc.json().map((text) => JSON.parse(text) as unknown),
    someOf,
    somebody,
  );
  const path = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "members",
      "members.value",
      "members[value eq",
      'members[not (value eq "x")]',
      "__proto__",
    ),
  );
  const op = fc.constantFrom("add" as const, "replace" as const, "remove" as const);
  const anything = fc.oneof(fc.record({ op, path, value }), fc.record({ op, value }));
  fc.assert(
    fc.property(fc.array(anything, { minLength: 1, maxLength: 3 }), (operations) => {
      try {
        const { fields, change } = groupPatched({ displayName: "All" }, operations);
        t.true(isObject(fields));
        for (const id of [...change.added, ...change.removed]) t.regex(id, /^[\da-f-]{36}$/);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        t.is(typeof error.data.scimType, "string");
      }
    }),
  );
  t.pass();
});

test("an empty list names nobody: it neither adds nor removes", (t) => {
  for (const op of ["add", "remove"] as const) {
    const { change } = groupPatched({ displayName: "All" }, [{ op, path: "members", value: [] }]);
    t.deepEqual(applied(change, people), people, op);
  }
  const { change } = groupPatched({ displayName: "All" }, [{ op: "replace", path: "members", value: [] }]);
  t.deepEqual(applied(change, people), []);
});

test("a tag tells its version, and whom it does not show", (t) => {
  const hidden = { groupId: "g", userId: people[0] ?? "", displayName: null };
  const tags = [groupTag(3), groupTag(3, [hidden]), groupTag(3, [{ ...hidden, userId: people[1] ?? "" }])];
  t.is(new Set(tags).size, 3);
  t.deepEqual(tags.map(versionIn), [3, 3, 3]);
  t.deepEqual(['"3"', "3", "*", 'W/"x"', ""].map(versionIn), [3, 3, undefined, undefined, undefined]);
});
