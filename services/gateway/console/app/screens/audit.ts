/** Who changed what. */
import type { VNode } from "preact";
import type { AuditPage } from "../../../../contracts/audit.ts";
import { html } from "../core/html.ts";
import { useResource } from "../core/resource.ts";
import { useHere } from "../core/router.ts";
import { queryText } from "../core/routes.ts";
import { useMay } from "../core/session.ts";
import { EntriesTable } from "../parts/entries.ts";
import { type Filter, Filters } from "../parts/filters.ts";
import { Page } from "../parts/page.ts";
import { Pager } from "../parts/pager.ts";
import { Empty, ForScope, Loaded } from "../parts/states.ts";
import { ExportEntries } from "./audit-export.ts";

const actions = [
  "user.created",
  "user.updated",
  "user.deleted",
  "user.restored",
  "user.erased",
  "address.released",
];

const filters: readonly Filter[] = [
  { name: "userId", label: "User id" },
  { name: "correlationId", label: "Correlation id" },
  { name: "actor", label: "By" },
  {
    name: "action",
    label: "What",
    choices: [["", "anything"], ...actions.map((name) => [name, name.replace(".", " ")] as const)],
  },
  { name: "from", label: "From", kind: "time" },
  { name: "to", label: "Before", kind: "time" },
  {
    name: "order",
    label: "Order",
    choices: [
      ["", "newest first"],
      ["asc", "oldest first"],
    ],
  },
];

export function Audit(): VNode {
  const { query } = useHere();
  const mayRead = useMay("audit:read");
  const asked = Object.fromEntries(filters.map(({ name }) => [name, query[name]]));
  const wanted = { ...asked, order: query.order ?? "desc" };
  const page = useResource<AuditPage>(
    mayRead ? `/audit${queryText({ ...wanted, cursor: query.cursor })}` : undefined,
  );
  return html`<${Page} title="Audit" heading="Who changed what">
    <${ForScope} scope="audit:read" what="The audit log">
      <${Filters} of=${filters} />
      <${ExportEntries} query=${wanted} />
      <${Loaded} of=${page} what="entries">${(data: AuditPage) =>
        data.items.length === 0
          ? html`<${Empty} title="No entry fits">An entry follows its change within moments. Reads stand in the activity, not here.</${Empty}>`
          : html`<${EntriesTable} entries=${data.items} caption="Entries of the audit log" withUsers />
            <${Pager} next=${data.nextCursor} />`}
      </${Loaded}>
    </${ForScope}>
  </${Page}>`;
}
