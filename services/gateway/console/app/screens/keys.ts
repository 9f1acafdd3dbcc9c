/** Access keys of machines: which there are, until when they are good, when they were used last. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { AccessKey, KeyPage } from "../../../../contracts/keys.ts";
import { html } from "../core/html.ts";
import { useIntent } from "../core/intent.ts";
import { useResource } from "../core/resource.ts";
import { useHere } from "../core/router.ts";
import { queryText } from "../core/routes.ts";
import { useMay } from "../core/session.ts";
import { speak } from "../core/speech.ts";
import { Confirm } from "../parts/confirm.ts";
import { Course } from "../parts/course.ts";
import { Mark } from "../parts/mark.ts";
import { Moment } from "../parts/moment.ts";
import { Page } from "../parts/page.ts";
import { Pager } from "../parts/pager.ts";
import { Empty, ForScope, Loaded } from "../parts/states.ts";
import { type Column, Table } from "../parts/table.ts";
import { KeyRotation, MakeKey, type OfKey } from "./key-make.ts";

interface Wanted {
  readonly act: "rotate" | "revoke";
  readonly key: AccessKey;
}

const fixed: readonly Column<AccessKey>[] = [
  {
    name: "Name",
    cell: ({ name, id, breakGlass }) =>
      html`${name} <code class="quiet">${id}</code>${breakGlass ? html` <${Mark} state="interrupted" word="break-glass" />` : null}`,
  },
  {
    name: "Role",
    cell: ({ role, domains }) =>
      html`${role}${domains === null ? null : html` <span class="quiet">in ${domains.join(", ")}</span>`}`,
  },
  {
    name: "State",
    cell: ({ status, revokeReason }) =>
      html`<${Mark} state=${status} />${revokeReason === null ? null : html`<br /><span class="quiet">${revokeReason}</span>`}`,
  },
  { name: "Until", cell: ({ expiresAt }) => html`<${Moment} at=${expiresAt} isTerm />` },
  {
    name: "Last used",
    cell: ({ lastUsedAt }) =>
      lastUsedAt === null ? html`<span class="quiet">never</span>` : html`<${Moment} at=${lastUsedAt} />`,
  },
  { name: "Made by", cell: ({ createdBy }) => html`<span class="address">${createdBy}</span>` },
];

function Revoke({ wanted, onClose, onDone }: OfKey): VNode {
  const intent = useIntent<null>();
  const send = async (id: string, reason: string): Promise<void> => {
    const answer = await intent.send(`/keys/${id}${queryText({ reason })}`, { method: "DELETE" });
    if (answer === undefined) return;
    speak("Revoked");
    onDone();
  };
  return html`<${Course} of=${intent} done="Revoked: it is refused everywhere within 5 s." />
    ${
      wanted === undefined
        ? null
        : html`<${Confirm} title="Revoke a key" act="Revoke 1 key" typed=${wanted.name} reason="needed" isFinal onClose=${onClose} onAct=${(reason: string) => void send(wanted.id, reason)}>
            <p>Whatever uses it is refused everywhere within 5 s. It was used last <${Moment} at=${wanted.lastUsedAt} />.</p>
          </${Confirm}>`
    }`;
}

export function Keys(): VNode {
  const { query } = useHere();
  const mayRead = useMay("keys:manage");
  const [wanted, setWanted] = useState<Wanted | undefined>(undefined);
  const page = useResource<KeyPage>(mayRead ? `/keys${queryText({ cursor: query.cursor })}` : undefined);
  const closed = (): void => setWanted(undefined);
  const columns: readonly Column<AccessKey>[] = [
    ...fixed,
    {
      name: "Actions",
      cell: (key) =>
        key.status === "active"
          ? html`<button type="button" class="small" onClick=${() => setWanted({ act: "rotate", key })}>Rotate…<span class="unseen"> ${key.name} ${key.id}</span></button>
            ${" "}<button type="button" class="small" onClick=${() => setWanted({ act: "revoke", key })}>Revoke…<span class="unseen"> ${key.name} ${key.id}</span></button>`
          : html`<span class="quiet">it has ended</span>`,
    },
  ];
  return html`<${Page} title="Keys" heading="Access keys">
    <${ForScope} scope="keys:manage" what="Managing keys">
      <${MakeKey} onDone=${page.refresh} />
      <${KeyRotation} wanted=${wanted?.act === "rotate" ? wanted.key : undefined} onClose=${closed} onDone=${page.refresh} />
      <${Revoke} wanted=${wanted?.act === "revoke" ? wanted.key : undefined} onClose=${closed} onDone=${page.refresh} />
      <${Loaded} of=${page} what="keys">${(data: KeyPage) =>
        data.items.length === 0
          ? html`<${Empty} title="There are no keys">Where nobody has to sign in, none is needed.</${Empty}>`
          : html`<${Table} caption="Access keys, newest first" columns=${columns} rows=${data.items} keyOf=${({ id }: AccessKey) => id} />
            <${Pager} next=${data.nextCursor} />`}
      </${Loaded}>
    </${ForScope}>
  </${Page}>`;
}
