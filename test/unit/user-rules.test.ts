import test from "ava";
import fc from "fast-check";
import { addressKey } from "../../services/contracts/address.ts";
import { Refusal } from "../../services/contracts/errors.ts";
import { UserEvent, type UserState } from "../../services/contracts/events.ts";
import { secondarySmtpsMax } from "../../services/contracts/user.ts";
import { toUserEvent } from "../../services/users/events.ts";
import {
  addressesOf,
  type Command,
  type Decision,
  decide,
  decideCreate,
  type Edit,
  wantedAddresses,
} from "../../services/users/rules.ts";

const now = new Date("2026-11-23T12:00:00.000Z");
const id = "0199a000-0000-7000-8000-000000000001";

const user = (overrides: Partial<UserState> = {}): UserState => ({
  id,
  displayName: "Ann Lee",
  primarySmtp: "ann@example.com",
  secondarySmtps: [],
  active: true,
  version: 1,
  createdAt: "2026-11-23T11:00:00.000Z",
  updatedAt: "2026-11-23T11:00:00.000Z",
  deletedAt: null,
  ...overrides,
});

const edit = (changes: Edit): Command => ({ kind: "edit", ...changes });
const given = (state: UserState | undefined) => ({
  when: (command: Command, expected?: number[]): Decision => decide(state, command, expected, now),
});
const keys = (state: UserState): string[] =>
  addressesOf(state)
    .map(({ address }) => addressKey(address))
    .sort();

function refusal(run: () => unknown): Refusal {
  try {
    run();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error("Cannot find a refusal: the command was granted");
}

test("a new primary makes the old primary a secondary", (t) => {
  const { state } = given(user({ secondarySmtps: ["a.lee@example.com"] })).when(
    edit({ primarySmtp: "ann.lee@example.com" }),
  );
  t.is(state.primarySmtp, "ann.lee@example.com");
  t.deepEqual(state.secondarySmtps, ["a.lee@example.com", "ann@example.com"]);
});

test("a primary changed from A to B and back to A leaves no duplicate", (t) => {
  const first = given(user()).when(edit({ primarySmtp: "bee@example.com" })).state;
  const { state } = given(first).when(edit({ primarySmtp: "ann@example.com" }));
  t.is(state.primarySmtp, "ann@example.com");
  t.deepEqual(state.secondarySmtps, ["bee@example.com"]);
  t.is(state.version, 3);
});

test("a new primary that is one of the secondaries swaps with the old one", (t) => {
  const { state } = given(user({ secondarySmtps: ["Bee@example.com", "c@example.com"] })).when(
    edit({ primarySmtp: "bee@example.com" }),
  );
  t.is(state.primarySmtp, "bee@example.com");
  t.deepEqual(state.secondarySmtps, ["c@example.com", "ann@example.com"]);
});

test("a primary in another case only changes how it is shown", (t) => {
  const decision = given(user()).when(edit({ primarySmtp: "Ann@Example.com" }));
  t.is(decision.state.primarySmtp, "Ann@Example.com");
  t.deepEqual(decision.state.secondarySmtps, []);
  t.is(decision.state.version, 2);
});

test("secondaries given are set exactly, repeats and the primary collapse", (t) => {
  const { state } = given(user({ secondarySmtps: ["old@example.com"] })).when(
    edit({ secondarySmtps: ["b@example.com", "B@example.com", "ANN@example.com", "c@example.com"] }),
  );
  t.deepEqual(state.secondarySmtps, ["b@example.com", "c@example.com"]);
});

test("the old primary joins a list of secondaries that does not name it", (t) => {
  const { state } = given(user({ secondarySmtps: ["old@example.com"] })).when(
    edit({ primarySmtp: "new@example.com", secondarySmtps: [] }),
  );
  t.deepEqual(state.secondarySmtps, ["ann@example.com"]);
});

test("secondaries left out of an edit are kept", (t) => {
  const { state } = given(user({ secondarySmtps: ["b@example.com"] })).when(edit({ displayName: "Ann" }));
  t.deepEqual(state.secondarySmtps, ["b@example.com"]);
});

test("an edit that changes nothing keeps the user and its version", (t) => {
  const before = user({ secondarySmtps: ["b@example.com", "c@example.com"] });
  const same = { displayName: "Ann Lee", primarySmtp: "ann@example.com" };
  const decision = given(before).when(edit({ ...same, secondarySmtps: ["c@example.com", "b@example.com"] }));
  t.deepEqual(decision, { kind: "unchanged", state: before });
  t.deepEqual(given(before).when(edit({})), { kind: "unchanged", state: before });
});

test("changes name each field with what it was and what it is", (t) => {
  const decision = given(user()).when(edit({ displayName: "Ann", primarySmtp: "bee@example.com" }));
  t.like(decision, {
    type: "user.updated.v1",
    changes: [
      { field: "displayName", from: "Ann Lee", to: "Ann" },
      { field: "primarySmtp", from: "ann@example.com", to: "bee@example.com" },
      { field: "secondarySmtps", from: [], to: ["ann@example.com"] },
    ],
  });
});

test("a user over the limit of secondaries is refused at a member that was sent, with a join as with a list", (t) => {
  const many = Array.from({ length: secondarySmtpsMax }, (_, n) => `a${n}@example.com`);
  const joined = refusal(() =>
    given(user({ secondarySmtps: many })).when(edit({ primarySmtp: "b@example.com" })),
  );
  const why = `the old primary becomes a secondary, of which a user has at most ${secondarySmtpsMax}`;
  t.is(joined.type, "invalid-fields");
  t.deepEqual(joined.data.errors, [{ pointer: "#/primarySmtp", detail: `can't be changed: ${why}` }]);
  const both = edit({ primarySmtp: "b@example.com", secondarySmtps: many });
  t.deepEqual(refusal(() => given(user()).when(both)).data.errors, [
    { pointer: "#/secondarySmtps", detail: `must leave room for one: ${why}` },
  ]);
  const listed = refusal(() => given(user()).when(edit({ secondarySmtps: [...many, "z@example.com"] })));
  t.is(listed.type, "invalid-fields");
  t.deepEqual(listed.data.errors, [
    { pointer: "#/secondarySmtps", detail: `must have at most ${secondarySmtpsMax} addresses` },
  ]);
  t.notThrows(() => given(user({ secondarySmtps: many })).when(edit({ primarySmtp: "a7@example.com" })));
});

test("a removed user keeps its addresses and gets all of them back by a restore", (t) => {
  const before = user({ secondarySmtps: ["b@example.com"] });
  const removed = given(before).when({ kind: "remove" });
  t.like(removed, {
    type: "user.deleted.v1",
    changes: [{ field: "deletedAt", from: null, to: now.toISOString() }],
  });
  t.like(removed.state, { version: 2, deletedAt: now.toISOString(), updatedAt: now.toISOString() });
  const restored = given(removed.state).when({ kind: "restore" });
  t.like(restored, {
    type: "user.restored.v1",
    changes: [{ field: "deletedAt", from: now.toISOString(), to: null }],
  });
  t.deepEqual(restored.state, { ...before, version: 3, updatedAt: now.toISOString() });
});

test("a user that never was is not found by any command", (t) => {
  for (const command of [edit({}), { kind: "remove" }, { kind: "restore" }] as Command[])
    t.is(refusal(() => given(undefined).when(command)).type, "not-found");
});

test("a deleted user is not found by an edit or a removal, even with its version", (t) => {
  const deleted = user({ deletedAt: now.toISOString() });
  t.is(refusal(() => given(deleted).when(edit({}), [1])).type, "not-found");
  t.is(refusal(() => given(deleted).when({ kind: "remove" }, [1])).type, "not-found");
});

test("a living user can't be restored", (t) => {
  t.is(refusal(() => given(user()).when({ kind: "restore" })).type, "not-deleted");
});

test("a command with expected versions is refused on any other version", (t) => {
  t.is(
    refusal(() => given(user({ version: 4 })).when(edit({ displayName: "A" }), [2, 3])).type,
    "version-mismatch",
  );
  t.is(refusal(() => given(user({ version: 4 })).when({ kind: "remove" }, [])).type, "version-mismatch");
  t.is(given(user({ version: 4 })).when(edit({ displayName: "A" }), [3, 4]).state.version, 5);
});

test("a user's time never goes back", (t) => {
  const future = "2026-11-23T13:00:00.000Z";
  const decision = given(user({ updatedAt: future })).when(edit({ displayName: "A" }));
  t.is(decision.state.updatedAt, future);
});

test("a create asks for each address once, the primary first", (t) => {
  t.deepEqual(
    wantedAddresses({
      displayName: "Ann",
      primarySmtp: "ann@example.com",
      secondarySmtps: ["b@example.com", "ANN@example.com", "B@example.com"],
    }),
    [
      { address: "ann@example.com", kind: "primary" },
      { address: "b@example.com", kind: "secondary" },
    ],
  );
});

test("a created user has what the registry assigned, and every field as a change from null", (t) => {
  const decision = decideCreate(
    id,
    { displayName: "Ann" },
    [
      { address: "ann2@example.com", kind: "primary" },
      { address: "b@example.com", kind: "secondary" },
    ],
    now,
  );
  t.like(decision.state, { primarySmtp: "ann2@example.com", secondarySmtps: ["b@example.com"], version: 1 });
  t.deepEqual(decision.changes, [
    { field: "displayName", from: null, to: "Ann" },
    { field: "primarySmtp", from: null, to: "ann2@example.com" },
    { field: "secondarySmtps", from: null, to: ["b@example.com"] },
  ]);
});

test("an assignment without a primary, with two, or with one address twice is a defect", (t) => {
  const primary = { address: "a@example.com", kind: "primary" as const };
  const secondary = { address: "A@example.com", kind: "secondary" as const };
  t.throws(() => decideCreate(id, { displayName: "Ann" }, [secondary], now), { message: /0 primary/ });
  t.throws(() => decideCreate(id, { displayName: "Ann" }, [primary, primary], now), { message: /2 primary/ });
  t.throws(() => decideCreate(id, { displayName: "Ann" }, [primary, secondary], now), {
    message: /assigned twice/,
  });
});

test("an event carries the whole user, its version and the request that caused it", (t) => {
  const decision = given(user()).when({ kind: "remove" });
  if (decision.kind === "unchanged") return t.fail();
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const event = toUserEvent(
    "0199a000-0000-7000-8000-0000000000ee",
    decision.type,
    decision.state,
    decision.changes,
    { action: "users.remove", correlationId: "c-1", actor: "hr", traceparent },
  );
  t.deepEqual(UserEvent.parse(event), event);
  t.like(event, {
    subject: id,
    sequence: 2,
    time: now.toISOString(),
    correlationid: "c-1",
    causationid: "c-1",
    actor: "hr",
    traceparent,
    dataschema: "urn:mailroster:schema:user.deleted.v1",
  });
  t.is(event.data.user.deletedAt, now.toISOString());
});

/** Few names in several spellings, so that collisions are the rule. */
const address = fc
  .tuple(
    fc.constantFrom("a", "A", "b", "B", "c", "straße", "STRASSE", "d"),
    fc.constantFrom("x.org", "X.org"),
  )
  .map(([local, domain]) => `${local}@${domain}`);
const anEdit = fc.record(
  {
    displayName: fc.constantFrom("Ann", "Bob"),
    primarySmtp: address,
    secondarySmtps: fc.array(address, { maxLength: 6 }),
  },
  { requiredKeys: [] },
);
const aCommand = fc.oneof(
  { weight: 6, arbitrary: anEdit.map(edit) },
  { weight: 1, arbitrary: fc.constant<Command>({ kind: "remove" }) },
  { weight: 1, arbitrary: fc.constant<Command>({ kind: "restore" }) },
);

/** Every state that a history of commands goes through, each beside the command that led to it. */
function history(
  commands: readonly Command[],
): { before: UserState; command: Command; decision: Decision }[] {
  const steps: { before: UserState; command: Command; decision: Decision }[] = [];
  let before = user({ primarySmtp: "a@x.org" });
  for (const command of commands) {
    try {
      const decision = given(before).when(command);
      steps.push({ before, command, decision });
      before = decision.state;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
  return steps;
}

test("after any history a user has one primary and no key twice", (t) => {
  fc.assert(
    fc.property(fc.array(aCommand, { maxLength: 20 }), (commands) => {
      for (const { decision } of history(commands)) {
        const all = keys(decision.state);
        if (new Set(all).size !== all.length || decision.state.primarySmtp === "") return false;
      }
      return true;
    }),
  );
  t.pass();
});

test("no address leaves a user but by a list that omits it", (t) => {
  fc.assert(
    fc.property(fc.array(aCommand, { maxLength: 20 }), (commands) =>
      history(commands).every(({ before, command, decision }) => {
        const after = new Set(keys(decision.state));
        const mustStay =
          command.kind === "edit" && command.secondarySmtps !== undefined
            ? [before.primarySmtp, ...command.secondarySmtps].map(addressKey)
            : keys(before);
        return mustStay.every((key) => after.has(key));
      }),
    ),
  );
  t.pass();
});

test("a version goes up by one exactly when something changed", (t) => {
  fc.assert(
    fc.property(fc.array(aCommand, { maxLength: 20 }), (commands) =>
      history(commands).every(
        ({ before, decision }) =>
          decision.state.version === before.version + (decision.kind === "changed" ? 1 : 0),
      ),
    ),
  );
  t.pass();
});

test("an edit that lists no secondaries changes nothing when it is repeated", (t) => {
  fc.assert(
    fc.property(anEdit, ({ secondarySmtps: _, ...changes }) => {
      const [first] = history([edit(changes)]);
      return first === undefined || given(first.decision.state).when(edit(changes)).kind === "unchanged";
    }),
  );
  t.pass();
});
