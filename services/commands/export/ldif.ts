/**
 * LDIF (RFC 2849): an inetOrgPerson (RFC 2798) for each, `mail` its primary, `mailAlternateAddress` the others,
 * `employeeNumber` the external id. The surname, which that class requires, is the whole name. A deleted one says
 * `isDeleted: TRUE`, as Active Directory does, and since when in a comment.
 */
import type { Person, Writer } from "../../contracts/people-csv.ts";

const lineOctetsMax = 76;
/** A SAFE-STRING of RFC 2849 that is printable and does not end in a space. */
const isSafe = (value: string): boolean => /^[\x20-\x7e]*$/.test(value) && !/^[ :<]| $/.test(value);

/** What goes on in the next line begins there with a space. All of it is ASCII by now. */
function folded(line: string): string {
  const lines = [line.slice(0, lineOctetsMax)];
  for (let at = lineOctetsMax; at < line.length; at += lineOctetsMax - 1)
    lines.push(` ${line.slice(at, at + lineOctetsMax - 1)}`);
  return lines.map((each) => `${each}\n`).join("");
}

const attribute = (name: string, value: string): string =>
  folded(isSafe(value) ? `${name}: ${value}` : `${name}:: ${Buffer.from(value).toString("base64")}`);

/** A value within a distinguished name (RFC 4514 §2.4). */
const inName = (value: string): string =>
  value.replaceAll(/["+,;<>\\]|^[ #]| $/g, (character) => `\\${character}`);

const classes = ["top", "person", "organizationalPerson", "inetOrgPerson"];

export const ldif = (): Writer => ({
  head: "version: 1\n",
  line({ id, displayName, primarySmtp, secondarySmtps, externalId, deletedAt }: Person): string {
    const attributes: readonly (readonly [string, string])[] = [
      ["dn", `mail=${inName(primarySmtp)},ou=people`],
      ...classes.map((name) => ["objectClass", name] as const),
      ["cn", displayName],
      ["sn", displayName],
      ["displayName", displayName],
      ["mail", primarySmtp],
      ...secondarySmtps.map((address) => ["mailAlternateAddress", address] as const),
      ...(externalId === null ? [] : [["employeeNumber", externalId] as const]),
      ...(deletedAt === null ? [] : [["isDeleted", "TRUE"] as const]),
    ];
    const comment = deletedAt === null ? "" : `# ${id}, deleted at ${deletedAt}\n`;
    return `\n${comment}${attributes.map(([name, value]) => attribute(name, value)).join("")}`;
  },
});
