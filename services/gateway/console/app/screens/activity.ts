/** Who did, read or was refused what beside the changes of users. */
import type { VNode } from "preact";
import type { ActivityEntry, ActivityPage, ActivityTarget } from "../../../../contracts/activity.ts";
import { html } from "../core/html.ts";
import { useResource } from "../core/resource.ts";
import { useHere } from "../core/router.ts";
import { hrefOf, queryText } from "../core/routes.ts";
import { useMay, useSession } from "../core/session.ts";
import { type Filter, Filters } from "../parts/filters.ts";
import { RequestLink, shortId, UserLink } from "../parts/links.ts";
import { Mark } from "../parts/mark.ts";
import { Moment } from "../parts/moment.ts";
import { Page } from "../parts/page.ts";
import { Pager } from "../parts/pager.ts";
import { Empty, ForScope, Loaded } from "../parts/states.ts";
import { type Column, Table } from "../parts/table.ts";

const filters: readonly Filter[] = [
  { name: "principal", label: "Who" },
  { name: "action", label: "Action" },
  { name: "target", label: "To what: an id, a search, an address" },
  {
    name: "allowed",
    label: "Outcome",
    choices: [
      ["", "any"],
      ["true", "done"],
      ["false", "refused"],
    ],
  },
  { name: "from", label: "From", kind: "time" },
  { name: "to", label: "Before", kind: "time" },
];

function TargetOf({ target }: { readonly target: ActivityTarget | null }): VNode {
  if (target === null) return html`<span class="quiet">–</span>`;
  const { kind, id } = target;
  if (kind === "user") return html`user <${UserLink} id=${id} />`;
  if (kind === "letter") return html`<a href=${hrefOf("letter", id)}>letter <code>${shortId(id)}</code></a>`;
  if (kind === "cause")
    return html`<a href=${hrefOf("letters", "", { cause: id })}>cause <code>${id}</code></a>`;
  if (kind === "request") return html`<${RequestLink} id=${id} />`;
  const isHash = kind === "search" || kind === "address";
  return html`${kind} ${isHash ? html`<span class="quiet">kept as a hash</span>` : html`<code>${id}</code>`}`;
}

const columns: readonly Column<ActivityEntry>[] = [
  { name: "When", cell: ({ at }) => html`<${Moment} at=${at} />` },
  { name: "Who", cell: ({ principal }) => html`<span class="address">${principal}</span>` },
  {
    name: "What",
    cell: ({ action, allowed }) =>
      html`<code>${action}</code>${allowed ? null : html` <${Mark} state="refused" />`}`,
  },
  { name: "To what", cell: ({ target }) => html`<${TargetOf} target=${target} />` },
  {
    name: "Why",
    cell: ({ reason, scope, allowed }) =>
      html`${reason ?? ""}${allowed || scope === null ? null : html` <span class="quiet">needs ${scope}</span>`}`,
  },
  { name: "Request", cell: ({ correlationId }) => html`<${RequestLink} id=${correlationId} />` },
];

export function Activity(): VNode {
  const { query } = useHere();
  const mayRead = useMay("activity:read");
  const isNamed = useSession().via !== "none";
  const asked = Object.fromEntries(
    [...filters.map(({ name }) => name), "cursor"].map((name) => [name, query[name]]),
  );
  const page = useResource<ActivityPage>(mayRead ? `/activity${queryText(asked)}` : undefined);
  return html`<${Page} title="Activity" heading="Who did, read or was refused what">
    <${ForScope} scope="activity:read" what="The activity">
      <p class="quiet">Refusals, keys, what an operator did, and who looked into what. Changes of users are in the <a href=${hrefOf("audit")}>audit log</a>.${isNamed ? " Looking here is on record, too." : " Where nobody signs in, who looked is not on record."}</p>
      <${Filters} of=${filters} />
      <${Loaded} of=${page} what="the activity">${(data: ActivityPage) =>
        data.items.length === 0
          ? html`<${Empty} title="Nothing fits" />`
          : html`<${Table} caption="Activity, newest first" columns=${columns} rows=${data.items} keyOf=${({ id }: ActivityEntry) => id} />
            <${Pager} next=${data.nextCursor} />`}
      </${Loaded}>
    </${ForScope}>
  </${Page}>`;
}
