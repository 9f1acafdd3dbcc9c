/** What an export writes, format by format; the same directory is the same text. */
import test from "ava";
import * as fc from "fast-check";
import { formats } from "../../services/commands/export/formats.ts";
import { formulaSafe, fromFormulaSafe } from "../../services/contracts/csv-cells.ts";
import type { Person } from "../../services/contracts/people-csv.ts";

const ann: Person = {
  id: "01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11",
  displayName: "Ann Lee",
  primarySmtp: "ann.lee@example.com",
  secondarySmtps: ["a.lee@example.com", "ann@example.org"],
  externalId: "4711",
  userName: "alee",
  active: false,
  deletedAt: null,
};
const björn: Person = {
  ...ann,
  displayName: 'Björn "Bo" Müller, Dr.',
  primarySmtp: "björn@bücher.example",
  secondarySmtps: [],
  externalId: null,
  userName: null,
  active: true,
};
const deletedAt = "2026-03-02T10:30:00.000Z";

const written = (format: keyof typeof formats, people: readonly Person[], deleted = false): string => {
  const { head, line } = formats[format](deleted);
  return [head, ...people.map(line)].join("");
};

test("CSV has the columns of an import, quoted where they must be", (t) => {
  t.is(
    written("csv", [ann, björn]),
    [
      "displayName,primarySmtp,secondarySmtps,externalId,userName,active",
      "Ann Lee,ann.lee@example.com,a.lee@example.com ann@example.org,4711,alee,false",
      '"Björn ""Bo"" Müller, Dr.",björn@bücher.example,,,,true',
      "",
    ].join("\n"),
  );
});

test("deleted people have their id and since when in columns of their own", (t) => {
  const rows = written("csv", [{ ...ann, deletedAt }, björn], true).split("\n");
  t.is(rows[0], "displayName,primarySmtp,secondarySmtps,externalId,userName,active,id,deletedAt");
  t.true(rows[1]?.endsWith(`,4711,alee,false,${ann.id},${deletedAt}`));
  t.true(rows[2]?.endsWith(`,${ann.id},`));
  t.true(
    written("exchange", [ann], true).startsWith(
      "displayName,userPrincipalName,proxyAddresses,employeeId,mailrosterId,deletedAt\n",
    ),
  );
});

test("Exchange's columns tell the primary by its capitals", (t) => {
  t.is(
    written("exchange", [ann]),
    [
      "displayName,userPrincipalName,proxyAddresses,employeeId",
      "Ann Lee,ann.lee@example.com,SMTP:ann.lee@example.com;smtp:a.lee@example.com;smtp:ann@example.org,4711",
      "",
    ].join("\n"),
  );
});

test("NDJSON is what a create takes, a line each", (t) => {
  t.is(
    written("ndjson", [ann]),
    '{"displayName":"Ann Lee","primarySmtp":"ann.lee@example.com","secondarySmtps":["a.lee@example.com","ann@example.org"],"externalId":"4711","userName":"alee","active":false}\n',
  );
  t.like(JSON.parse(written("ndjson", [{ ...ann, deletedAt }], true)), { id: ann.id, deletedAt });
});

test("LDIF tells an inetOrgPerson, beyond ASCII in base64, and a deleted one as such", (t) => {
  t.is(
    written("ldif", [ann]),
    [
      "version: 1",
      "",
      "dn: mail=ann.lee@example.com,ou=people",
      "objectClass: top",
      "objectClass: person",
      "objectClass: organizationalPerson",
      "objectClass: inetOrgPerson",
      "cn: Ann Lee",
      "sn: Ann Lee",
      "displayName: Ann Lee",
      "mail: ann.lee@example.com",
      "mailAlternateAddress: a.lee@example.com",
      "mailAlternateAddress: ann@example.org",
      "employeeNumber: 4711",
      "",
    ].join("\n"),
  );
  const other = written("ldif", [{ ...björn, deletedAt }], true);
  t.true(other.includes(`mail:: ${Buffer.from("björn@bücher.example").toString("base64")}\n`));
  t.true(other.includes(`\n# ${ann.id}, deleted at ${deletedAt}\n`));
  t.true(other.includes("\nisDeleted: TRUE\n"));
});

test("an LDIF line has at most 76 octets, and is whole again when it is unfolded", (t) => {
  const displayName = "Chloé ".repeat(40).trim();
  const text = written("ldif", [{ ...ann, displayName, primarySmtp: `${"a+b".repeat(20)}@example.com` }]);
  for (const line of text.split("\n")) t.true(Buffer.byteLength(line) <= 76, line);
  const unfolded = text.replaceAll("\n ", "");
  t.true(unfolded.includes(`displayName:: ${Buffer.from(displayName).toString("base64")}\n`));
  t.true(unfolded.includes(`dn: mail=${"a\\+b".repeat(20)}@example.com,ou=people\n`));
});

test("a value that LDIF would take for something else is in base64", (t) => {
  for (const value of [" x", "x ", ":x", "<x"]) {
    const text = written("ldif", [{ ...ann, externalId: value }]);
    t.true(text.includes(`employeeNumber:: ${Buffer.from(value).toString("base64")}\n`), value);
  }
});

test("no cell is a formula to a spreadsheet, and each is read back as it was", (t) => {
  const row = written("csv", [
    { ...ann, displayName: '=HYPERLINK("x")', externalId: "-1+1", primarySmtp: "+a@b.example" },
  ]);
  t.is(
    row.split("\n")[1],
    `"'=HYPERLINK(""x"")",'+a@b.example,a.lee@example.com ann@example.org,'-1+1,alee,false`,
  );
  t.is(formulaSafe("'=1"), "''=1");
  t.is(fromFormulaSafe("''=1"), "'=1");
  t.is(fromFormulaSafe("'tis"), "'tis");
  const text = fc.string({ unit: fc.constantFrom("'", "=", "+", "-", "@", "＝", "a", " ", "\t") });
  fc.assert(
    fc.property(text, (value) => {
      const cell = formulaSafe(value);
      return fromFormulaSafe(cell) === value && !/^[=+\-@\t\r\n＝＋－＠]/u.test(cell);
    }),
  );
});
