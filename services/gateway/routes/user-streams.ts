/** Users as files: the columns of an export, and lines that each are what a page has as an item. */
import { byCodePoint, csv } from "../../contracts/people-csv.ts";
import type { ListedUser } from "../../contracts/user-lists.ts";
import { user } from "./examples.ts";
import type { Operation, StreamFormat } from "./operation.ts";

const asCsv = ({ deleted }: Readonly<Record<string, string>>) => {
  const { head, line } = csv(deleted !== undefined);
  const lineOf = ({ secondarySmtps, externalId, userName, active, deletedAt, ...rest }: ListedUser): string =>
    line({
      ...rest,
      secondarySmtps: secondarySmtps.toSorted(byCodePoint),
      externalId: externalId ?? null,
      userName: userName ?? null,
      active: active ?? true,
      deletedAt: deletedAt ?? null,
    });
  return { head, line: (item: unknown) => lineOf(item as ListedUser) };
};

const jsonLine = (item: unknown): string => `${JSON.stringify(item)}\n`;

const formats: readonly StreamFormat[] = [
  {
    mediaType: "text/csv",
    contentType: "text/csv; charset=utf-8; header=present",
    example: `${csv(false).head}${asCsv({}).line(user)}`,
    writer: asCsv,
  },
  {
    mediaType: "application/x-ndjson",
    contentType: "application/x-ndjson",
    example: jsonLine(user),
    writer: () => ({ head: "", line: jsonLine }),
  },
];

export const userStreams = { scope: "users:export", formats } as const satisfies Operation["streams"];
