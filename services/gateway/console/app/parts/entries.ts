/** Entries of the audit log as a table. */
import type { VNode } from "preact";
import type { AuditEntry } from "../../../../contracts/audit.ts";
import { html } from "../core/html.ts";
import { RequestLink, UserLink } from "./links.ts";
import { Moment } from "./moment.ts";
import { type Column, Table } from "./table.ts";
import { Changes } from "./values.ts";

/** Who made a change, and for whom they said to. */
export const By = ({ of: { actor, onBehalfOf } }: { readonly of: AuditEntry }): VNode =>
  html`${actor}${onBehalfOf === undefined ? null : html` <span class="quiet">for ${onBehalfOf}</span>`}`;

const columns: readonly Column<AuditEntry>[] = [
  { name: "When", cell: ({ at }) => html`<${Moment} at=${at} />` },
  {
    name: "What",
    cell: ({ action, version }) => html`${action.replace(".", " ")} <span class="quiet">v${version}</span>`,
  },
  { name: "User", cell: ({ userId }) => html`<${UserLink} id=${userId} />` },
  {
    name: "By",
    cell: (entry) =>
      html`<${By} of=${entry} />${entry.reason === undefined ? null : html`<br /><span class="quiet">${entry.reason}</span>`}`,
  },
  { name: "Changes", cell: ({ changes }) => html`<${Changes} of=${changes} />` },
  { name: "Request", cell: ({ correlationId }) => html`<${RequestLink} id=${correlationId} />` },
];

interface EntriesProps {
  readonly entries: readonly AuditEntry[];
  readonly caption: string;
  /** Of one user the column of users says nothing. */
  readonly withUsers?: boolean;
}

export const EntriesTable = ({ entries, caption, withUsers = false }: EntriesProps): VNode =>
  html`<${Table} caption=${caption} columns=${withUsers ? columns : columns.filter(({ name }) => name !== "User")} rows=${entries}
    keyOf=${({ id }: AuditEntry) => id} />`;
