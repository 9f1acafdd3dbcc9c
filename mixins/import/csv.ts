/**
 * Our own columns: displayName, primarySmtp, secondarySmtps (separated by spaces or `;`), externalId, userName and active (`true`, `false`), in any order and
 * beside others. Other files name them otherwise: the usual names are known, any other is told by `--columns`.
 */
import { fromFormulaSafe } from "../../services/contracts/csv-cells.ts";
import { type CellOf, folded, tableSource } from "./csv-table.ts";
import {
  BadFile,
  flagOf,
  ownColumns,
  type Reader,
  type ReaderOptions,
  saidOf,
  type WantedUser,
} from "./row.ts";

/** As they are folded; the first that a file has counts. */
const csvNames: Readonly<Record<keyof WantedUser, readonly string[]>> = {
  displayName: ["displayname", "fullname", "name", "commonname", "cn"],
  primarySmtp: [
    "primarysmtp",
    "primarysmtpaddress",
    "primaryemail",
    "emailaddress",
    "email",
    "mail",
    "workemail",
  ],
  secondarySmtps: ["secondarysmtps", "secondarysmtp", "aliases", "emailaliases", "alias", "otheremails"],
  externalId: ["externalid", "employeeid", "employeenumber", "personnelnumber", "id"],
  userName: ["username"],
  active: ["active"],
};

/** Spaces or `;` between; a comma can be in no address that is taken here. */
export const listOf = (text: string | undefined): string[] | undefined =>
  text === undefined ? undefined : text.split(/[\s;,]+/u).filter((item) => item !== "");

/** What a spreadsheet was kept from taking for a formula. */
export const plain = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : fromFormulaSafe(text);

/** Of an export of ours with the deleted, whose `id` is none of another system. */
export const hasDeleted = (header: readonly string[]): boolean => header.map(folded).includes("deletedat");

export const deletedUser = (cell: CellOf): string | undefined =>
  cell("deletedat") === undefined ? undefined : "is of a deleted user";

/** The column of each member: the one that is named, else the first of the usual ones that the file has. */
function columnsIn(
  header: readonly string[],
  given: ReaderOptions["columns"] = {},
): Partial<Record<keyof WantedUser, string>> {
  const present = header.map(folded);
  const there = header.join(", ");
  const usual = (member: keyof WantedUser): string | undefined =>
    csvNames[member].find((name) => present.includes(name) && !(name === "id" && hasDeleted(header)));
  const chosen = ownColumns.map((member) => {
    const name = given[member];
    if (name !== undefined && !present.includes(folded(name)))
      throw new BadFile(1, 1, `there is no column ${name} for ${member} (there are ${there})`);
    const column = name === undefined ? usual(member) : folded(name);
    if (column === undefined && (member === "displayName" || member === "primarySmtp"))
      throw new BadFile(
        1,
        1,
        `there is no column ${member} (there are ${there}; --columns ${member}=NAME tells which it is)`,
      );
    return [member, column];
  });
  return Object.fromEntries(chosen) as Partial<Record<keyof WantedUser, string>>;
}

export const readCsv: Reader = (text, { columns }) => {
  let names: Partial<Record<keyof WantedUser, string>> = {};
  const said = (cell: CellOf, member: keyof WantedUser): string | undefined =>
    plain(cell(names[member] ?? ""));
  return tableSource(text, {
    check(header) {
      names = columnsIn(header, columns);
    },
    wanted: (cell) =>
      saidOf({
        displayName: said(cell, "displayName"),
        primarySmtp: said(cell, "primarySmtp"),
        secondarySmtps: listOf(said(cell, "secondarySmtps")),
        externalId: said(cell, "externalId"),
        userName: said(cell, "userName"),
        active: flagOf(said(cell, "active")),
      }),
    passedOver: deletedUser,
  });
};
