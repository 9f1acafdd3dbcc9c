/**
 * CSV of Exchange (`Get-Mailbox | Export-Csv`, the admin centers) and of Entra (`Get-MgUser`, the portal's download).
 * The primary is what `SMTP:` marks, else PrimarySmtpAddress, else mail, else userPrincipalName; the id is the object's.
 */
import { deletedUser, hasDeleted, plain } from "./csv.ts";
import { folded, tableSource } from "./csv-table.ts";
import { proxyAddressesOf, withPrimary } from "./proxy-addresses.ts";
import { BadFile, type Reader, saidOf } from "./row.ts";

/** The last one is what our own export writes. */
const ids = ["externaldirectoryobjectid", "objectid", "objectguid", "id", "guid", "employeeid"];
const lists = ["proxyaddresses", "emailaddresses"];
const primaries = ["primarysmtpaddress", "windowsemailaddress", "mail", "emailaddress", "userprincipalname"];

/** Whether a header is one of Exchange or Entra; `userPrincipalName` alone is enough. */
export const isExchange = (header: readonly string[]): boolean =>
  header.map(folded).some((name) => [...lists, "userprincipalname", "windowsemailaddress"].includes(name));

export const readExchange: Reader = (text) => {
  let own = ids;
  return tableSource(text, {
    check(header) {
      if (!header.map(folded).some((name) => [...lists, ...primaries].includes(name)))
        throw new BadFile(
          1,
          1,
          `there is no column proxyAddresses, PrimarySmtpAddress or userPrincipalName (there are ${header.join(", ")})`,
        );
      if (hasDeleted(header)) own = ids.slice(-1);
    },
    wanted(cell) {
      const values = lists.flatMap((name) => cell(name) ?? []);
      return saidOf({
        displayName: plain(cell("displayname", "name")),
        ...withPrimary(proxyAddressesOf(values), plain(cell(...primaries))),
        externalId: plain(cell(...own)),
      });
    },
    passedOver: deletedUser,
  });
};
