/** The life of an address as a table: who had it from when to when, and who made it so. */
import type { VNode } from "preact";
import type { AddressHistoryEntry } from "../../../../contracts/look-up.ts";
import type { ListedUser } from "../../../../contracts/user-lists.ts";
import { html } from "../core/html.ts";
import type { EntriesOf } from "../core/people.ts";
import { useMay } from "../core/session.ts";
import { isAt, turnsOf } from "../core/turns.ts";
import { By } from "../parts/entries.ts";
import { RequestLink, UserLink } from "../parts/links.ts";
import { Mark } from "../parts/mark.ts";
import { Moment } from "../parts/moment.ts";
import { Refused } from "../parts/states.ts";
import { type Column, Table } from "../parts/table.ts";

interface HistoryProps {
  readonly entries: readonly AddressHistoryEntry[];
  readonly people: ReadonlyMap<string, ListedUser | null>;
  readonly entriesOf: EntriesOf;
  readonly at: string | undefined;
}

export function AddressHistoryTable({ entries, people, entriesOf, at }: HistoryProps): VNode {
  const mayAudit = useMay("audit:read");
  const columns: Column<AddressHistoryEntry>[] = [
    {
      name: "From",
      cell: (row) =>
        html`<${Moment} at=${row.from} />${at !== undefined && isAt(row, Date.parse(at)) ? html` <span class="mark good"><span aria-hidden="true">▼</span> then</span>` : null}`,
    },
    {
      name: "Until",
      cell: (row) => {
        if (row.until === null) return html`<span class="quiet">it goes on</span>`;
        const end = turnsOf(row, entriesOf).ended;
        const by =
          end === undefined
            ? null
            : html`<br /><span class="quiet">ended by <${By} of=${end} /></span> <${RequestLink} id=${end.correlationId} />`;
        return html`<${Moment} at=${row.until} bare />${by}`;
      },
    },
    {
      name: "Whose",
      cell: ({ userId }) =>
        userId === null
          ? html`<span class="quiet">somebody who was erased</span>`
          : html`<${UserLink} id=${userId} name=${people.get(userId)?.displayName} />`,
    },
    {
      name: "As",
      cell: ({ status, kind }) =>
        html`<${Mark} state=${status} word=${status === "active" ? (kind ?? "held") : "deleted, kept"} />`,
    },
    { name: "Version", isNumber: true, cell: ({ version }) => (version === null ? "–" : String(version)) },
    ...(mayAudit
      ? [
          {
            name: "Begun by",
            cell: (row: AddressHistoryEntry) => {
              const entry = turnsOf(row, entriesOf).begun;
              return entry === undefined ? html`<span class="quiet">–</span>` : html`<${By} of=${entry} />`;
            },
          },
          {
            name: "Request",
            cell: (row: AddressHistoryEntry) =>
              html`<${RequestLink} id=${turnsOf(row, entriesOf).begun?.correlationId} />`,
          },
        ]
      : []),
  ];
  return html`<${Table} caption="Who had the address, newest first" columns=${columns} rows=${entries}
      keyOf=${({ userId, from }: AddressHistoryEntry) => `${userId} ${from}`} />
    ${mayAudit ? null : html`<${Refused} what="Who changed it" scope="audit:read" />`}`;
}
