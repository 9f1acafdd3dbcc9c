/** A user of the registry as SCIM shows it, and what a client of SCIM asks for. */
import test from "ava";
import { Refusal } from "../../services/contracts/errors.ts";
import {
  type Known,
  type RegistryUser,
  resourceOf,
  stateWanted,
  type Wanted,
} from "../../services/scim/mapping.ts";
import { userType } from "../../services/scim/schemas.ts";
import { type Members, resourceIn } from "../../services/scim/values.ts";

const writer = { client: "entra", defaultDomain: "example.com" };
const at = "2026-03-02T10:00:00.000Z";
const stored = { id: "0190b2c4-7c10-7000-8000-000000000001", version: 1, createdAt: at, updatedAt: at };
const elsewhere: RegistryUser = {
  ...stored,
  active: true,
  displayName: "Ann Lee",
  primarySmtp: "ann@example.com",
  secondarySmtps: ["alias@example.com"],
};

const wanted = (resource: Members, before?: Known, by = writer): Wanted =>
  stateWanted(before, resourceIn(userType, resource), by);
/** As it is known once the write is done. */
const after = ({ user, scim }: Wanted): Known => ({ user: { ...stored, ...user }, document: scim });
const ann = { userName: "ann", externalId: "7", name: { givenName: "Ann", familyName: "Lee" } };
const emails = [
  { value: "ann@example.com", type: "home" },
  { value: "a.lee@example.com", type: "work" },
];

test("the primary is the one that says so, else the one for work, else the first, else the one of the name", (t) => {
  t.is(wanted({ ...ann, emails }).user.primarySmtp, "a.lee@example.com");
  const said = [{ ...emails[0], primary: true }, emails[1]];
  t.is(wanted({ ...ann, emails: said }).user.primarySmtp, "ann@example.com");
  t.is(wanted({ ...ann, emails: [{ value: "x@example.com" }] }).user.primarySmtp, "x@example.com");
  t.is(wanted(ann).user.primarySmtp, "ann@example.com");
  t.is(wanted({ userName: "a@example.org" }).user.primarySmtp, "a@example.org");
});

test("who has neither an address nor a name of which one can be made is refused", (t) => {
  const error = t.throws(() => stateWanted(undefined, ann, { client: "entra" }), { instanceOf: Refusal });
  t.is(error?.data.scimType, "invalidValue");
  t.throws(() => wanted({ ...ann, emails: [{ value: "no address" }] }), { instanceOf: Refusal });
  t.throws(() => wanted({ ...ann, title: "x".repeat(40_000) }), { instanceOf: Refusal });
});

test("the name that people see is the first of those that are given", (t) => {
  const nameOf = (more: Members): string => wanted({ userName: "ann", ...more }).user.displayName;
  t.is(nameOf({ displayName: "A", name: { formatted: "B" } }), "A");
  t.is(nameOf({ name: { formatted: "B", givenName: "C" } }), "B");
  t.is(nameOf({ name: { givenName: "C", familyName: "D" } }), "C D");
  t.is(nameOf({}), "ann");
});

test("the same address twice is kept once", (t) => {
  const { user, scim } = wanted({ ...ann, emails: [emails[0], { value: "ANN@example.com", primary: true }] });
  t.deepEqual(user.secondarySmtps, []);
  t.deepEqual(scim.emails, [{ value: "ann@example.com", type: "home", primary: true }]);
});

test("what was given is shown as it was given, and given again asks for nothing else", (t) => {
  const first = wanted({ ...ann, emails, title: "Guide" });
  const shown = resourceOf(after(first), writer);
  t.deepEqual(shown, { ...ann, active: true, title: "Guide", emails });
  t.deepEqual(wanted(shown, after(first)), first);
});

test("of a user made elsewhere the primary alone is shown, and no alias is lost by what a client writes", (t) => {
  const known: Known = { user: elsewhere };
  t.deepEqual(resourceOf(known, writer), {
    userName: "ann@example.com",
    displayName: "Ann Lee",
    active: true,
    emails: [{ value: "ann@example.com", type: "work", primary: true }],
  });
  const { user } = wanted({ userName: "ann", emails: [{ value: "new@example.com", primary: true }] }, known);
  t.is(user.primarySmtp, "new@example.com");
  t.deepEqual(user.secondarySmtps.sort(), ["alias@example.com", "ann@example.com"]);
});

test("an e-mail that its client takes away is let go, and all of them leave the one of the name", (t) => {
  const known = after(wanted({ ...ann, emails }));
  t.deepEqual(wanted({ ...ann, emails: [emails[1]] }, known).user.secondarySmtps, []);
  const { user, scim } = wanted(ann, known);
  t.is(user.primarySmtp, "ann@example.com");
  t.deepEqual(scim.emails, []);
  t.is(resourceOf(after({ user, scim }), writer).emails, undefined);
});

test("a change that was made elsewhere outlives a client that says the same as before", (t) => {
  const first = after(wanted({ ...ann, emails }));
  const known: Known = {
    ...first,
    user: {
      ...first.user,
      displayName: "Ann Li",
      primarySmtp: "ann@example.com",
      secondarySmtps: ["a.lee@example.com"],
    },
  };
  const { user } = wanted({ ...ann, emails, title: "Guide" }, known);
  t.is(user.displayName, "Ann Li");
  t.is(user.primarySmtp, "ann@example.com");
});

test("an externalId is its client's own", (t) => {
  const known = after(wanted({ ...ann, emails }));
  const okta = { ...writer, client: "okta" };
  t.is(resourceOf(known, okta).externalId, undefined);
  const { externalId: _, ...rest } = ann;
  t.deepEqual(wanted({ ...rest, emails }, known, okta).scim.externalId, "7");
  t.is(wanted({ ...rest, emails }, known).scim.externalId, null);
  t.is(wanted({ ...ann, externalId: "x", emails }, known, okta).scim.client, "okta");
});

test("who was made inactive stays so until somebody says otherwise", (t) => {
  const known = after(wanted({ ...ann, active: "False" }));
  t.false(wanted(ann, known).user.active);
  t.true(wanted({ ...ann, active: true }, known).user.active);
});
