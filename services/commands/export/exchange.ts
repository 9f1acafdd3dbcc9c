/** The columns of Exchange and Entra: as `Get-Recipient | Export-Csv` has them, `SMTP:` the primary, `smtp:` the others. */
import { type Writer, writerOf } from "../../contracts/people-csv.ts";

export const exchange = (deleted: boolean): Writer =>
  writerOf(
    {
      displayName: ({ displayName }) => displayName,
      userPrincipalName: ({ primarySmtp }) => primarySmtp,
      proxyAddresses: ({ primarySmtp, secondarySmtps }) =>
        [`SMTP:${primarySmtp}`, ...secondarySmtps.map((address) => `smtp:${address}`)].join(";"),
      employeeId: ({ externalId }) => externalId ?? "",
    },
    deleted,
    "mailrosterId",
  );
