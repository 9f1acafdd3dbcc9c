/** What somebody has, and what changed. */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ListedUser } from "../../../../contracts/user-lists.ts";
import { html } from "../core/html.ts";
import { type Resource, useResource } from "../core/resource.ts";
import { hrefOf } from "../core/routes.ts";
import { useMay } from "../core/session.ts";
import { Copy } from "../parts/copy.ts";
import { Mark } from "../parts/mark.ts";
import { Moment } from "../parts/moment.ts";
import { Page } from "../parts/page.ts";
import { Empty, ForScope, Loaded } from "../parts/states.ts";
import { type Conditional, UserAddresses } from "./user-addresses.ts";
import { EditUser } from "./user-edit.ts";
import { DeleteUser, type Ends, EndsCourse, RestoreUser, useEnds } from "./user-ends.ts";
import { UserHistory } from "./user-history.ts";
import { userStateOf } from "./users.ts";

function Facts({ user }: { readonly user: ListedUser }): VNode {
  const {
    id,
    externalId,
    userName,
    version,
    createdAt,
    updatedAt,
    deletedAt,
    restorableUntil,
    quarantinedUntil,
  } = user;
  const facts: [string, unknown][] = [
    ["Id", html`<${Copy} text=${id} label="Copy" shown />`],
    ["External id", externalId ?? html`<span class="quiet">none</span>`],
    ["User name", userName ?? html`<span class="quiet">none</span>`],
    ["Version", version],
    ["Created", html`<${Moment} at=${createdAt} />`],
    ["Changed", html`<${Moment} at=${updatedAt} />`],
    ...(deletedAt === undefined
      ? []
      : ([
          ["Deleted", html`<${Moment} at=${deletedAt} />`],
          ["Restorable until", html`<${Moment} at=${restorableUntil} isTerm />`],
          ["Addresses kept until", html`<${Moment} at=${quarantinedUntil} isTerm />`],
        ] as [string, unknown][])),
  ];
  return html`<dl class="facts">${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

interface UserProps {
  readonly user: ListedUser;
  readonly resource: Resource<ListedUser>;
  readonly ends: Ends;
}

/** The form takes the focus when it opens, and what has opened it gets it back. */
function Editing(props: Conditional): VNode {
  const [isEditing, setEditing] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const wasEditing = useRef(false);
  useEffect(() => {
    if (wasEditing.current && !isEditing) opener.current?.focus();
    wasEditing.current = isEditing;
  }, [isEditing]);
  return isEditing
    ? html`<${EditUser} ...${props} onClose=${() => setEditing(false)} />`
    : html`<p class="actions"><button type="button" ref=${opener} onClick=${() => setEditing(true)}>Edit…</button></p>`;
}

function Living({ user, resource, ends }: UserProps): VNode {
  const condition = { etag: resource.etag, onDone: resource.refresh };
  return html`<h2>Addresses</h2>
    <${UserAddresses} user=${user} ...${condition} />
    <h2>Person</h2>
    <${Facts} user=${user} />
    <${ForScope} scope="users:write" what="Changing a user">
      <${Editing} user=${user} ...${condition} />
    </${ForScope}>
    <${DeleteUser} user=${user} ends=${ends} ...${condition} />`;
}

function Deleted({ user, resource, ends }: UserProps): VNode {
  return html`<p class="note warn"><span aria-hidden="true">░</span> Deleted <${Moment} at=${user.deletedAt} />. Until <${Moment} at=${user.restorableUntil} isTerm /> a restore gets back all addresses; until <${Moment} at=${user.quarantinedUntil} isTerm /> nobody else gets them.</p>
    <${RestoreUser} user=${user} etag=${resource.etag} onDone=${resource.refresh} ends=${ends} />
    <h2>Addresses, kept</h2>
    <ul class="plain">${[user.primarySmtp, ...user.secondarySmtps].map((address) => html`<li><a href=${hrefOf("address", address)}>${address}</a></li>`)}</ul>
    <h2>Person</h2>
    <${Facts} user=${user} />`;
}

export function UserScreen({ id }: { readonly id: string }): VNode {
  const mayRead = useMay("users:read");
  const resource = useResource<ListedUser>(
    mayRead ? `/users/${encodeURIComponent(id)}?deleted=include` : undefined,
  );
  const ends = useEnds();
  const user = resource.data;
  const none = html`<${Empty} title="There is no such user">No user has this id, or the user was erased. The audit log still tells when.</${Empty}>`;
  return html`<${Page} title="User" heading=${user === undefined ? "User" : html`${user.displayName} <${Mark} state=${userStateOf(user)} />`}>
    <${ForScope} scope="users:read" what="Looking at a user">
      <${EndsCourse} of=${ends} />
      <${Loaded} of=${resource} what="the user" none=${none}>${(data: ListedUser) =>
        data.deletedAt === undefined
          ? html`<${Living} user=${data} resource=${resource} ends=${ends} />`
          : html`<${Deleted} user=${data} resource=${resource} ends=${ends} />`}</${Loaded}>
    </${ForScope}>
    <h2>What changed</h2>
    <${UserHistory} id=${id} version=${user?.version} />
  </${Page}>`;
}
