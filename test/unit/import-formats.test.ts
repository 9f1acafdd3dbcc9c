/** What each format makes of rows as the systems write them, and where a file that is none is wrong. */
import test from "ava";
import iconv from "iconv-lite";
import { type FormatName, importFormats, recognised } from "../../mixins/import/formats.ts";
import { proxyAddressesOf } from "../../mixins/import/proxy-addresses.ts";
import type { ReaderOptions, SourceRow } from "../../mixins/import/row.ts";
import { peek } from "../../mixins/import/text.ts";
import { textOf } from "../../services/commands/import/text.ts";
import { WantedUser } from "../../services/contracts/user-checks.ts";

async function* inPieces(bytes: Buffer, size: number): AsyncIterable<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(
  text: string | Buffer,
  { size = 7, encoding, ...options }: ReaderOptions & { size?: number; encoding?: string } = {},
): Promise<{ format: FormatName; rows: SourceRow[]; columns: readonly string[] }> {
  const { begin, whole } = await peek(textOf(inPieces(Buffer.from(text), size), encoding), 8_192);
  const format = recognised(begin);
  const source = importFormats[format].read(whole, options);
  const rows: SourceRow[] = [];
  for await (const row of source.rows) rows.push(row);
  return { format, rows, columns: source.columns() };
}

const wantedIn = async (text: string | Buffer, options = {}) =>
  (await read(text, options)).rows.map(({ wanted }) => wanted);

test("CSV of our own columns is read in any order of them, with the line of each row", async (t) => {
  const { format, rows, columns } = await read(
    'primarySmtp,"displayName",secondarySmtps,externalId,team\r\nann@example.com,"Lee, Ann",a@example.com; al@example.com,E-1,x\r\n\r\nbo@example.com,"Bo\r\nJr",,,\r\nci@example.com,Ci,,,\r\n',
  );
  t.is(format, "csv");
  t.deepEqual(columns, ["primarySmtp", "displayName", "secondarySmtps", "externalId", "team"]);
  t.deepEqual(
    rows.map(({ line, wanted }) => [line, wanted]),
    [
      [
        2,
        {
          displayName: "Lee, Ann",
          primarySmtp: "ann@example.com",
          secondarySmtps: ["a@example.com", "al@example.com"],
          externalId: "E-1",
        },
      ],
      [4, { displayName: "Bo\r\nJr", primarySmtp: "bo@example.com" }],
      [6, { displayName: "Ci", primarySmtp: "ci@example.com" }],
    ],
  );
});

test("CSV of others is read by the usual names, semicolons and tabs, and by columns that are named", async (t) => {
  const ann = { displayName: "Ann", primarySmtp: "ann@example.com" };
  t.deepEqual(await wantedIn("Full Name;E-Mail\nAnn;ann@example.com\n"), [ann]);
  t.deepEqual(await wantedIn("name\temail address\nAnn\tann@example.com"), [ann]);
  const columns = { displayName: "Navn", primarySmtp: "E-Post" };
  t.deepEqual(await wantedIn("Navn,E-Post,Mail\nAnn,ann@example.com,other@example.com\n", { columns }), [
    ann,
  ]);
});

test("a cell that our export has kept from being a formula is read as what it was", async (t) => {
  const [row] = await wantedIn("displayName,primarySmtp\n'=Ann,'+ann@example.com\n");
  t.deepEqual(row, { displayName: "=Ann", primarySmtp: "+ann@example.com" });
});

test("an export of ours gives its users back, but for deleted ones, whose id is no externalId", async (t) => {
  const texts = {
    csv: "displayName,primarySmtp,secondarySmtps,externalId,id,deletedAt\n'=Ann,ann@example.com,'-a@example.com b@example.com,,0199,\nBo,bo@example.com,,E-2,0200,2026-02-01\n",
    exchange:
      "displayName,userPrincipalName,proxyAddresses,employeeId,id,deletedAt\n'=Ann,ann@example.com,SMTP:ann@example.com;smtp:-a@example.com;smtp:b@example.com,,0199,\nBo,bo@example.com,SMTP:bo@example.com,E-2,0200,2026-02-01\n",
    ldif: "version: 1\n\ndn: cn=0199\ndisplayName: =Ann\nmail: ann@example.com\nmailAlternateAddress: -a@example.com\nmailAlternateAddress: b@example.com\n\ndn: cn=0200\ndisplayName: Bo\nmail: bo@example.com\nemployeeNumber: E-2\nisDeleted: TRUE\n",
  };
  for (const [name, text] of Object.entries(texts)) {
    const { format, rows } = await read(text);
    t.is(format, name as FormatName);
    t.deepEqual(rows[0]?.wanted, {
      displayName: "=Ann",
      primarySmtp: "ann@example.com",
      secondarySmtps: ["-a@example.com", "b@example.com"],
    });
    t.is(rows[0]?.passedOver, undefined);
    t.is(rows[1]?.wanted.externalId, "E-2");
    t.is(rows[1]?.passedOver, "is of a deleted user");
  }
});

test("Exchange marks the primary, joins addresses in many ways, and has others than mail among them", async (t) => {
  t.deepEqual(
    proxyAddressesOf([
      "smtp:a@example.com;SMTP:ann+x@example.com;X500:/o=Org/ou=First, Group/cn=ann;SIP:ann@example.com",
    ]),
    { primary: "ann+x@example.com", secondaries: ["a@example.com"] },
  );
  t.deepEqual(proxyAddressesOf(["SMTP:ann@example.com+smtp:a+b@example.com+smtp:c@example.com"]), {
    primary: "ann@example.com",
    secondaries: ["a+b@example.com", "c@example.com"],
  });
  t.deepEqual(proxyAddressesOf(["{smtp:a@example.com, SMTP:ann@example.com}"]), {
    primary: "ann@example.com",
    secondaries: ["a@example.com"],
  });
  t.deepEqual(proxyAddressesOf(["smtp:a@example.com", "smtp:b@example.com"]), {
    secondaries: ["a@example.com", "b@example.com"],
  });
});

test("a file of PowerShell's Export-Csv is known as Exchange's", async (t) => {
  const { format, rows } = await read(
    '#TYPE Selected.Microsoft.Exchange.Data.Directory.Management.Mailbox\r\n"DisplayName","PrimarySmtpAddress","EmailAddresses","ExternalDirectoryObjectId"\r\n"Ann Lee","ann@example.com","SMTP:ann@example.com smtp:a.lee@example.com","7b1c0f2e-0000-4000-8000-000000000001"\r\n',
  );
  t.is(format, "exchange");
  t.deepEqual(
    rows.map(({ line, wanted }) => [line, wanted]),
    [
      [
        3,
        {
          displayName: "Ann Lee",
          primarySmtp: "ann@example.com",
          secondarySmtps: ["a.lee@example.com"],
          externalId: "7b1c0f2e-0000-4000-8000-000000000001",
        },
      ],
    ],
  );
});

test("a file of Entra is known by its names, and a user without marked addresses has the userPrincipalName", async (t) => {
  const { format, rows } = await read(
    "userPrincipalName,displayName,proxyAddresses,id\nann@example.com,Ann,smtp:a@example.com;SMTP:ann.lee@example.com,g-1\nbo@example.com,Bo,,g-2\n",
  );
  t.is(format, "exchange");
  t.deepEqual(
    rows.map(({ wanted }) => wanted),
    [
      {
        displayName: "Ann",
        primarySmtp: "ann.lee@example.com",
        secondarySmtps: ["a@example.com"],
        externalId: "g-1",
      },
      { displayName: "Bo", primarySmtp: "bo@example.com", externalId: "g-2" },
    ],
  );
});

test("Google's download of users is read by first and last name, GAM's by its aliases", async (t) => {
  const { format, rows } = await read(
    "First Name [Required],Last Name [Required],Email Address [Required],Password [Required],Recovery Email,Home Secondary Email,Employee ID\nAnn,Lee,ann@example.com,****,me@elsewhere.example,home@elsewhere.example,E-1\n",
  );
  t.is(format, "google");
  t.deepEqual(rows[0]?.wanted, { displayName: "Ann Lee", primarySmtp: "ann@example.com", externalId: "E-1" });
  t.deepEqual(
    await wantedIn(
      "primaryEmail,name.fullName,aliases,aliases.0,aliases.1,id\nbo@example.com,Bo Chen,2,b@example.com,bc@example.com,1047\n",
    ),
    [
      {
        displayName: "Bo Chen",
        primarySmtp: "bo@example.com",
        secondarySmtps: ["b@example.com", "bc@example.com"],
        externalId: "1047",
      },
    ],
  );
});

const ldif = `version: 1
# people
dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: uid=ann,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
cn;lang-de: Anna
displayName:: QW5uIEzDqWU=
mail: ann.lee@exam
 ple.com
mail: ann@example.com
mailAlternateAddress: al@example.com
entryUUID: 5f3e0000-0000-4000-8000-000000000001
jpegPhoto:< file:///photos/ann.jpg

dn: CN=Bo Chen,OU=Users,DC=example,DC=com
changetype: add
cn: Bo Chen
mail: bo@example.com
proxyAddresses: smtp:b.chen@example.com
proxyAddresses: SMTP:bo.chen@example.com
proxyAddresses: X400:c=US;a= ;p=Org;o=Exchange;s=Chen
objectGUID:: AAECAwQFBgcICQoLDA0ODw==
`;

test("LDIF is read with its folded and encoded lines; what has no address is passed over", async (t) => {
  const { format, rows } = await read(ldif);
  t.is(format, "ldif");
  t.deepEqual(
    rows.map(({ line, wanted, passedOver }) => [line, passedOver ?? wanted]),
    [
      [3, "has no address"],
      [
        7,
        {
          displayName: "Ann Lée",
          primarySmtp: "ann.lee@example.com",
          secondarySmtps: ["ann@example.com", "al@example.com"],
          externalId: "5f3e0000-0000-4000-8000-000000000001",
        },
      ],
      [
        18,
        {
          displayName: "Bo Chen",
          primarySmtp: "bo.chen@example.com",
          secondarySmtps: ["bo@example.com", "b.chen@example.com"],
          externalId: "03020100-0504-0706-0809-0a0b0c0d0e0f",
        },
      ],
    ],
  );
});

test("NDJSON is read as the API tells users, without those that are deleted", async (t) => {
  const { format, rows } = await read(
    `${JSON.stringify({ id: "0199", displayName: "Ann", primarySmtp: "ann@example.com", secondarySmtps: ["a@example.com"], externalId: null, version: 3 })}\n\n${JSON.stringify({ displayName: "Bo", primarySmtp: "bo@example.com", externalId: 7, deletedAt: "2026-01-01" })}`,
  );
  t.is(format, "ndjson");
  t.deepEqual(
    rows.map(({ line, wanted, passedOver }) => [line, passedOver ?? wanted]),
    [
      [1, { displayName: "Ann", primarySmtp: "ann@example.com", secondarySmtps: ["a@example.com"] }],
      [3, "is of a deleted user"],
    ],
  );
});

test("whether somebody is active is a word of two, and any other is refused for what it is", async (t) => {
  const said = { userName: "ann", active: false };
  for (const text of [
    "displayName,primarySmtp,userName,active\nAnn,ann@example.com,ann,False\n",
    `${JSON.stringify({ displayName: "Ann", primarySmtp: "ann@example.com", ...said })}\n`,
  ])
    t.like((await wantedIn(text))[0], said);
  const [row] = await wantedIn("displayName,primarySmtp,active\nAnn,ann@example.com,perhaps\n");
  t.is(row?.active, "perhaps");
  t.false(WantedUser.safeParse(row).success);
});

const bomOf = { "utf-16le": [0xff, 0xfe], "utf-16be": [0xfe, 0xff], "utf-8": [0xef, 0xbb, 0xbf] } as const;
for (const [encoding, mark] of Object.entries(bomOf))
  test(`${encoding} is known by its byte order mark, wherever the pieces end`, async (t) => {
    const text = "displayName,primarySmtp\nBjörn 田中 😀,b@example.com\n";
    const bytes = Buffer.concat([Buffer.from(mark), iconv.encode(text, encoding)]);
    for (const size of [1, 2, 3, 5, 1_000])
      t.deepEqual(await wantedIn(bytes, { size }), [
        { displayName: "Björn 田中 😀", primarySmtp: "b@example.com" },
      ]);
  });

test("Windows-1252 is read when it is named, and told apart from UTF-8 by line and column when it is not", async (t) => {
  const bytes = iconv.encode("displayName,primarySmtp\nBjörn’s €,b@example.com\n", "windows-1252");
  t.deepEqual(await wantedIn(bytes, { encoding: "windows-1252" }), [
    { displayName: "Björn’s €", primarySmtp: "b@example.com" },
  ]);
  for (const size of [1, 4, 1_000])
    await t.throwsAsync(read(bytes, { size }), {
      message: "line 2, column 3: the byte 0xF6 is no UTF-8 (say --encoding windows-1252 if it is that)",
    });
});

const bad = [
  [
    "a row with more cells",
    "a,displayName,primarySmtp\n1,Ann,ann@example.com,x\n",
    "line 2, column 4: the row has 4 cells, the header has 3",
  ],
  [
    "a row with fewer cells",
    'displayName,primarySmtp,externalId\n"An\r\nn",a@example.com\n',
    "line 2, column 3: the row has 2 cells, the header has 3",
  ],
  [
    "a quote that never closes",
    'displayName,primarySmtp\nBo,b@example.com\nAnn,"ann@example.com\nCi,c@example.com\n',
    "line 3, column 2: a quote opens (primarySmtp) and is never closed",
  ],
  [
    "text behind a quote",
    'displayName,primarySmtp\n"Ann" Lee,ann@example.com\n',
    "line 2, column 1: a quote closes (displayName) and text follows; one inside of quotes is doubled",
  ],
  [
    "a quote inside of a cell",
    'displayName,primarySmtp\nAnn "Lee",ann@example.com\n',
    "line 2, column 1: a quote stands inside of a cell (displayName) that does not begin with one",
  ],
  [
    "a header without an address",
    "displayName,phone\nAnn,1\n",
    "line 1, column 1: there is no column primarySmtp (there are displayName, phone; --columns primarySmtp=NAME tells which it is)",
  ],
  ["nothing", "", "line 1, column 1: the file is empty"],
  [
    "a spreadsheet",
    "PK\u0003\u0004rest",
    "line 1, column 1: the file is a spreadsheet or an archive; save it as CSV",
  ],
  ["JSON that is cut off", '{"displayName":"Ann"}\n{"displayName":\n', "line 2, column 16: this is no JSON"],
  [
    "a change in LDIF",
    "dn: uid=ann\nchangetype: delete\n",
    "line 2, column 1: this is a change (delete); only entries are taken",
  ],
  ["base64 that is none", "dn: uid=ann\ncn:: %%%\n", "line 2, column 5: the value of cn is no base64"],
  ["LDIF without a dn", "version: 1\n\ncn: Ann\n", "line 3, column 1: an entry begins with dn, not cn"],
] as const;
for (const [what, text, message] of bad)
  test(`a file with ${what} is refused with line and column`, async (t) => {
    await t.throwsAsync(read(text, { size: 1_000 }), { message });
    if (text !== "") await t.throwsAsync(read(text, { size: 3 }), { message });
  });
