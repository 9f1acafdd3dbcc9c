/** Finds people. */
import type { VNode } from "preact";
import type { ListedUser, UserPage } from "../../../../contracts/user-lists.ts";
import { html } from "../core/html.ts";
import { useResource } from "../core/resource.ts";
import { useHere } from "../core/router.ts";
import { hrefOf, queryText } from "../core/routes.ts";
import { useMay } from "../core/session.ts";
import { type Filter, Filters } from "../parts/filters.ts";
import { Address, UserLink } from "../parts/links.ts";
import { Mark } from "../parts/mark.ts";
import { Moment } from "../parts/moment.ts";
import { Page } from "../parts/page.ts";
import { Pager } from "../parts/pager.ts";
import { Empty, ForScope, Loaded, Refused } from "../parts/states.ts";
import { type Column, Table } from "../parts/table.ts";

const filters: readonly Filter[] = [
  { name: "q", label: "Name, address or id" },
  { name: "domain", label: "Domain" },
  { name: "externalId", label: "External id" },
  {
    name: "deleted",
    label: "Deleted",
    choices: [
      ["", "living only"],
      ["include", "living and deleted"],
      ["only", "deleted only"],
    ],
  },
];

export const userStateOf = ({ deletedAt, active }: ListedUser): "deleted" | "active" | "disabled" => {
  if (deletedAt !== undefined) return "deleted";
  return active ? "active" : "disabled";
};

const columns: readonly Column<ListedUser>[] = [
  { name: "Name", cell: ({ id, displayName }) => html`<${UserLink} id=${id} name=${displayName} />` },
  { name: "Primary", cell: ({ primarySmtp }) => html`<${Address} of=${primarySmtp} />` },
  {
    name: "Secondaries",
    cell: ({ secondarySmtps }) => {
      const [first] = secondarySmtps;
      if (first === undefined) return html`<span class="quiet">none</span>`;
      return secondarySmtps.length === 1
        ? html`<${Address} of=${first} />`
        : html`<${Address} of=${first} /> <span class="quiet">and ${secondarySmtps.length - 1} more</span>`;
    },
  },
  { name: "State", cell: (user) => html`<${Mark} state=${userStateOf(user)} />` },
  { name: "Changed", cell: ({ updatedAt }) => html`<${Moment} at=${updatedAt} />` },
];

const known = ["q", "smtp", "domain", "externalId", "deleted", "cursor"] as const;

export function Users(): VNode {
  const { query } = useHere();
  const maySearch = useMay("users:search");
  const mayRead = useMay("users:read");
  const asked = Object.fromEntries(known.map((name) => [name, query[name]]));
  const isOpen = mayRead && (query.q === undefined || maySearch);
  const page = useResource<UserPage>(isOpen ? `/users${queryText(asked)}` : undefined);
  const isFiltered = known.some((name) => query[name] !== undefined);
  return html`<${Page} title="Users">
    <${Filters} of=${maySearch ? filters : filters.filter(({ name }) => name !== "q")} />
    <${ForScope} scope="users:write" what="Creating a user">
      <p class="actions"><a class="button" href=${hrefOf("newUser")}>Create a user…</a></p>
    </${ForScope}>
    ${isOpen ? null : html`<${Refused} what="Searching people" scope=${mayRead ? "users:search" : "users:read"} />`}
    <${Loaded} of=${page} what="users">${(data: UserPage) =>
      data.items.length === 0
        ? html`<${Empty} title=${isFiltered ? "Nobody fits" : "There are no users yet"}>${isFiltered && query.deleted === undefined ? html`Deleted users are left out: <a href=${hrefOf("users", "", { ...asked, deleted: "include" })}>look among them too</a>.` : "What fits is a part of a name, an address, an externalId or a userName."}</${Empty}>`
        : html`<${Table} caption="Users" columns=${columns} rows=${data.items} keyOf=${({ id }: ListedUser) => id} />
          <${Pager} next=${data.nextCursor} />`}
    </${Loaded}>
  </${Page}>`;
}
