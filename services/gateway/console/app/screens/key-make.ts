/** Makes a key, and one in place of another. The key itself is shown once, and is gone with the page. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { AccessKey, CreatedKey } from "../../../../contracts/keys.ts";
import { keyDays, keyDaysOf, type Role, roles, roleTexts } from "../../../../contracts/roles.ts";
import { html } from "../core/html.ts";
import { useIntent } from "../core/intent.ts";
import { speak } from "../core/speech.ts";
import { Confirm } from "../parts/confirm.ts";
import { Copy } from "../parts/copy.ts";
import { Course } from "../parts/course.ts";

const dayMs = 86_400_000;

function Shown({ made }: { readonly made: CreatedKey | undefined }): VNode | null {
  if (made === undefined) return null;
  if (made.key === undefined)
    return html`<p>The key was made before; nobody can tell it again. Rotate it for another one.</p>`;
  return html`<p><strong>Copy it now: it is shown this once.</strong></p><p><${Copy} text=${made.key} label="Copy the key" shown /></p>`;
}

export function MakeKey({ onDone }: { readonly onDone: () => void }): VNode {
  const intent = useIntent<CreatedKey>();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [domains, setDomains] = useState("");
  const [days, setDays] = useState("");
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const list = domains.split(/[\s,;]+/).filter(Boolean);
    const body = {
      name: name.trim(),
      role,
      ...(list.length === 0 ? {} : { domains: list }),
      ...(days === "" ? {} : { expiresAt: new Date(Date.now() + Number(days) * dayMs).toISOString() }),
    };
    if ((await intent.send("/keys", { method: "POST", body })) === undefined) return;
    speak("The key was made");
    setName("");
    setDays("");
    onDone();
  };
  const text = (set: (value: string) => void) => (event: Event) =>
    set((event.target as HTMLInputElement).value);
  return html`<details>
      <summary>Make a key</summary>
      <form class="fields" onSubmit=${(event: Event) => void submit(event)}>
        <label>Name<input value=${name} required maxLength=${64} autocomplete="off" onInput=${text(setName)} /><span class="quiet">What it is for; it stands in lists and metrics</span></label>
        <label>Role<select value=${role} onChange=${(event: Event) => setRole((event.target as HTMLSelectElement).value as Role)}>${roles.map((each) => html`<option value=${each} selected=${each === role}>${each}</option>`)}</select><span class="quiet">${roleTexts[role]}</span></label>
        <label>Domains<input value=${domains} autocomplete="off" spellcheck=${false} onInput=${text(setDomains)} /><span class="quiet">Outside of these it sees and changes nothing; empty: everywhere</span></label>
        <label>Good for so many days<input type="number" inputMode="numeric" min="1" max=${keyDays.max} placeholder=${keyDaysOf(role)} value=${days} onInput=${text(setDays)} /><span class="quiet">At most ${keyDays.max}; empty: ${keyDaysOf(role)}</span></label>
        <p class="actions"><button type="submit" class="primary">Make key</button></p>
      </form>
    </details>
    <${Course} of=${intent} done=${html`<${Shown} made=${intent.answer?.data} />`} />`;
}

export interface OfKey {
  /** undefined: of none, and what became of the last one stays. */
  readonly wanted: AccessKey | undefined;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function KeyRotation({ wanted, onClose, onDone }: OfKey): VNode {
  const intent = useIntent<CreatedKey>();
  const send = async (id: string): Promise<void> => {
    const answer = await intent.send(`/keys/${id}/rotate`, { method: "POST", body: { overlapHours: 24 } });
    if (answer === undefined) return;
    speak("The key was made");
    onDone();
  };
  return html`<${Course} of=${intent} done=${html`<${Shown} made=${intent.answer?.data} />`} />
    ${
      wanted === undefined
        ? null
        : html`<${Confirm} title="Rotate a key" act="Make key in its place" onClose=${onClose} onAct=${() => void send(wanted.id)}>
            <p>A new key of the same name, role and domains; ${wanted.name} <code>${wanted.id}</code> is good for 24 hours beside it.</p>
          </${Confirm}>`
    }`;
}
