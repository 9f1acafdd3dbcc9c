/**
 * CSV of Google Workspace: the admin console's download of users (`First Name [Required]`, `Email Address [Required]`,
 * `Employee ID`) and that of GAM (`primaryEmail`, `name.fullName`, `aliases.0` …). Home and work secondary e-mail are
 * how to reach somebody elsewhere, not addresses of ours, and are left out.
 */
import { listOf } from "./csv.ts";
import { type CellOf, folded, tableSource } from "./csv-table.ts";
import { BadFile, type Reader, saidOf } from "./row.ts";

const primaries = ["emailaddressrequired", "primaryemail"];
/** Of GAM: `aliases`, then one column each. */
const aliasColumns = [
  "aliases",
  "emailaliases",
  ...Array.from({ length: 100 }, (_, index) => `aliases${index}`),
];

export const isGoogle = (header: readonly string[]): boolean =>
  header.map(folded).some((name) => primaries.includes(name));

function nameOf(cell: CellOf): string | undefined {
  const whole = cell("namefullname", "displayname");
  if (whole !== undefined) return whole;
  const parts = [cell("firstnamerequired", "namegivenname"), cell("lastnamerequired", "namefamilyname")];
  return parts.filter((part) => part !== undefined).join(" ");
}

export const readGoogle: Reader = (text) => {
  let aliases: string[] = [];
  return tableSource(text, {
    check(header) {
      if (!isGoogle(header))
        throw new BadFile(
          1,
          1,
          `there is no column "Email Address [Required]" or primaryEmail (there are ${header.join(", ")})`,
        );
      aliases = header.map(folded).filter((name) => aliasColumns.includes(name));
    },
    wanted: (cell) =>
      saidOf({
        displayName: nameOf(cell),
        primarySmtp: cell(...primaries),
        secondarySmtps: listOf(aliases.flatMap((name) => cell(name) ?? []).join(" ") || undefined)?.filter(
          (address) => address.includes("@"),
        ),
        externalId: cell("employeeid", "id", "externalids0value"),
      }),
  });
};
