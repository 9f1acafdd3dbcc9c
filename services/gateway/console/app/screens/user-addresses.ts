/** The addresses of a user: which is the primary, which is added, which goes. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { ListedUser } from "../../../../contracts/user-lists.ts";
import { html } from "../core/html.ts";
import { useIntent } from "../core/intent.ts";
import { useMay } from "../core/session.ts";
import { speak } from "../core/speech.ts";
import { Confirm } from "../parts/confirm.ts";
import { Course } from "../parts/course.ts";
import { Address } from "../parts/links.ts";
import { Refused } from "../parts/states.ts";
import { type Column, Table } from "../parts/table.ts";

export interface Conditional {
  readonly user: ListedUser;
  readonly etag: string | null;
  readonly onDone: () => void;
}

interface Row {
  readonly address: string;
  readonly kind: "primary" | "secondary";
}
interface Wanted {
  readonly act: "primary" | "remove";
  readonly address: string;
}

function Ask({
  user,
  wanted,
  onClose,
  onAct,
}: {
  user: ListedUser;
  wanted: Wanted;
  onClose: () => void;
  onAct: () => void;
}): VNode {
  const { address } = wanted;
  if (wanted.act === "primary")
    return html`<${Confirm} title="Change the primary address" act="Make it the primary" onClose=${onClose} onAct=${onAct}>
      <p><${Address} of=${address} /> becomes the primary, <${Address} of=${user.primarySmtp} /> becomes secondary and stays.</p>
    </${Confirm}>`;
  return html`<${Confirm} title="Remove an address" act="Remove 1 address" isFinal onClose=${onClose} onAct=${onAct}>
    <p><strong>Anyone can take <span class="address">${address}</span> at once</strong>: an address that is removed from a living user is kept for nobody.</p>
  </${Confirm}>`;
}

export function UserAddresses({ user, etag, onDone }: Conditional): VNode {
  const mayWrite = useMay("users:write");
  const intent = useIntent<ListedUser>();
  const [wanted, setWanted] = useState<Wanted | undefined>(undefined);
  const [added, setAdded] = useState("");
  const [done, setDone] = useState("");
  const { id, primarySmtp, secondarySmtps } = user;

  const patch = async (body: object, told: string): Promise<boolean> => {
    const answer = await intent.send(`/users/${id}`, { method: "PATCH", body, ifMatch: etag });
    if (answer === undefined) return false;
    setDone(`${told} Version ${answer.data.version}.`);
    speak(told);
    onDone();
    return true;
  };
  const act = ({ act: what, address }: Wanted): void => {
    if (what === "primary")
      void patch({ primarySmtp: address }, "The primary was changed.").then((isDone) => {
        if (isDone && address === added.trim()) setAdded("");
      });
    else
      void patch(
        { secondarySmtps: secondarySmtps.filter((each) => each !== address) },
        "The address was removed.",
      );
  };
  const add = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (added.trim() === "") return;
    if (await patch({ secondarySmtps: [...secondarySmtps, added.trim()] }, "The address was added."))
      setAdded("");
  };
  const columns: Column<Row>[] = [
    { name: "Address", cell: ({ address }) => html`<${Address} of=${address} />` },
    { name: "As", cell: ({ kind }) => (kind === "primary" ? html`<strong>primary</strong>` : kind) },
    ...(mayWrite
      ? [
          {
            name: "Actions",
            cell: ({ address, kind }: Row) =>
              kind === "primary"
                ? html`<span class="quiet">renamed below: the new one becomes the primary</span>`
                : html`<button type="button" class="small" onClick=${() => setWanted({ act: "primary", address })}>Make primary…<span class="unseen"> ${address}</span></button>
                  ${" "}<button type="button" class="small" onClick=${() => setWanted({ act: "remove", address })}>Remove…<span class="unseen"> ${address}</span></button>`,
          },
        ]
      : []),
  ];
  const rows: Row[] = [
    { address: primarySmtp, kind: "primary" },
    ...secondarySmtps.map((address) => ({ address, kind: "secondary" as const })),
  ];
  return html`<${Course} of=${intent} done=${done} />
    ${
      intent.problem?.status === 412
        ? html`<p class="actions"><button type="button" onClick=${() => {
            intent.reset();
            onDone();
          }}>Show what it is now</button></p>`
        : null
    }
    <${Table} caption="Addresses of the user" columns=${columns} rows=${rows} keyOf=${({ address }: Row) => address} />
    ${
      mayWrite
        ? html`<form class="filters" onSubmit=${(event: Event) => void add(event)}>
            <label>A further address
              <input type="text" inputMode="email" autocomplete="off" spellcheck=${false} value=${added} onInput=${(event: InputEvent) => setAdded((event.target as HTMLInputElement).value)} />
            </label>
            <button type="submit">Add 1 address</button>
            <button type="button" disabled=${added.trim() === ""} onClick=${() => setWanted({ act: "primary", address: added.trim() })}>Rename primary to it…</button>
          </form>`
        : html`<${Refused} what="Changing addresses" scope="users:write" />`
    }
    ${wanted === undefined ? null : html`<${Ask} user=${user} wanted=${wanted} onClose=${() => setWanted(undefined)} onAct=${() => act(wanted)} />`}`;
}
