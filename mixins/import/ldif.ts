/**
 * LDIF (RFC 2849), content and not changes: what `ldapsearch`, `slapcat`, `ldifde` and 389 Directory Server write.
 * Primary: what `SMTP:` marks in proxyAddresses, else the first `mail`; others: further `mail`, `mailAlternateAddress`,
 * `mailLocalAddress`, `mailAlias`, `smtp:`. The id is that of the entry in its directory. An entry without an address
 * (a container, a group of Unix) is passed over.
 *
 * Our own reader, because none on npm reads piece by piece: `ldif` (0.5.1) and `ldapjs` want the whole text.
 */
import { proxyAddressesOf, withPrimary } from "./proxy-addresses.ts";
import { BadFile, ownCells, ownColumns, type Reader, type SourceRow, saidOf } from "./row.ts";
import { linesOf } from "./text.ts";

/** A photo in base64 is long. */
const lineCharsMax = 1_000_000;
const entryLinesMax = 100_000;
const alternatives = ["mailalternateaddress", "maillocaladdress", "mailalias"];
/** The last one is what our own export writes. */
const ids = ["entryuuid", "ipauniqueid", "nsuniqueid", "objectguid", "employeenumber"];

/** Values by the attribute's name in lower case, without its options. */
export type Entry = ReadonlyMap<string, readonly string[]>;
interface PlacedEntry {
  readonly line: number;
  readonly entry: Entry;
}

interface Unfolded {
  readonly number: number;
  readonly text: string;
}

/** A line that begins with a space goes on with the one before. */
async function* unfolded(text: AsyncIterable<string>): AsyncIterable<Unfolded> {
  let open: { number: number; parts: string[] } | undefined;
  for await (const { number, text: line } of linesOf(text, lineCharsMax)) {
    if (line.startsWith(" ")) {
      if (open === undefined || open.parts[0] === "")
        throw new BadFile(number, 1, "the line goes on with one before, and there is none");
      if (open.parts.push(line.slice(1)) > entryLinesMax)
        throw new BadFile(number, 1, `the value has more than ${entryLinesMax} lines`);
    } else {
      if (open !== undefined) yield { number: open.number, text: open.parts.join("") };
      open = { number, parts: [line] };
    }
  }
  if (open !== undefined) yield { number: open.number, text: open.parts.join("") };
}

const base64 = /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/;

/** Of Active Directory: 16 bytes, of which the first three groups are little-endian ([MS-DTYP] §2.3.4). */
function guidOf(bytes: Uint8Array): string | undefined {
  if (bytes.length !== 16) return undefined;
  const hex = (from: number, to: number): string[] =>
    Array.from(bytes.subarray(from, to), (byte) => byte.toString(16).padStart(2, "0"));
  const groups = [
    hex(0, 4).toReversed(),
    hex(4, 6).toReversed(),
    hex(6, 8).toReversed(),
    hex(8, 10),
    hex(10, 16),
  ];
  return groups.map((group) => group.join("")).join("-");
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function decoded(name: string, text: string, number: number, column: number): string | undefined {
  if (!base64.test(text)) throw new BadFile(number, column, `the value of ${name} is no base64`);
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  if (name === "objectguid") return guidOf(bytes);
  const value = utf8.decode(bytes);
  // What is no text (a photo, a certificate) says nothing here.
  return value.includes("\ufffd") || value.includes("\0") ? undefined : value;
}

interface Attribute {
  readonly name: string;
  readonly value: string | undefined;
}

function attributeOf({ number, text }: Unfolded): Attribute {
  const colon = text.indexOf(":");
  if (colon < 1) throw new BadFile(number, 1, "the line is no attribute (name: value)");
  const [name = ""] = text.slice(0, colon).toLowerCase().split(";");
  if (!/^[a-z\d.-]+$/.test(name))
    throw new BadFile(number, 1, "the line does not begin with an attribute's name");
  const rest = text.slice(colon + 1);
  const kind = rest.startsWith(":") || rest.startsWith("<") ? rest.slice(0, 1) : "";
  const value = rest.slice(kind.length).trimStart();
  // A value that lies in another file (a photo) says nothing here.
  if (kind === "<") return { name, value: undefined };
  return { name, value: kind === ":" ? decoded(name, value, number, colon + 3) : value };
}

/** The entries of a text, each with its line. Throws BadFile. */
export async function* entriesOf(text: AsyncIterable<string>): AsyncIterable<PlacedEntry> {
  let entry = new Map<string, string[]>();
  let line = 0;
  const end = function* (): Iterable<PlacedEntry> {
    if (entry.size > 0) yield { line, entry };
    entry = new Map();
  };
  for await (const each of unfolded(text)) {
    if (each.text === "") yield* end();
    if (each.text === "" || each.text.startsWith("#")) continue;
    const { name, value } = attributeOf(each);
    const isBegin = entry.size === 0;
    if (isBegin && (name === "version" || name === "search" || name === "result")) continue;
    if (isBegin && name !== "dn") throw new BadFile(each.number, 1, `an entry begins with dn, not ${name}`);
    if (isBegin) line = each.number;
    if (name === "changetype" && value !== "add")
      throw new BadFile(each.number, 1, `this is a change (${value}); only entries are taken`);
    if (value !== undefined) entry.set(name, [...(entry.get(name) ?? []), value]);
    else if (isBegin) throw new BadFile(each.number, 1, "the dn is no text");
  }
  yield* end();
}

function rowOf({ line, entry }: PlacedEntry): SourceRow {
  const all = (...names: readonly string[]): string[] => names.flatMap((name) => entry.get(name) ?? []);
  const [mail, ...mails] = all("mail");
  const { primary, secondaries } = proxyAddressesOf(all("proxyaddresses"));
  const marked = { ...(primary === undefined ? {} : { primary }) };
  const others = [...mails, ...all(...alternatives), ...secondaries];
  const addresses = withPrimary(
    { ...marked, secondaries: primary === undefined || mail === undefined ? others : [mail, ...others] },
    mail,
    others[0],
  );
  const wanted = saidOf({
    displayName: all("displayname", "cn", "gecos")[0],
    ...addresses,
    externalId: all(...ids)[0],
  });
  const isDeleted = all("isdeleted")[0]?.toLowerCase() === "true";
  const nobody = addresses.primarySmtp === undefined ? "has no address" : undefined;
  const passedOver = isDeleted ? "is of a deleted user" : nobody;
  return { line, wanted, cells: ownCells(wanted), ...(passedOver === undefined ? {} : { passedOver }) };
}

export const readLdif: Reader = (text) => ({
  columns: () => ownColumns,
  rows: (async function* () {
    for await (const placed of entriesOf(text)) yield rowOf(placed);
  })(),
});
