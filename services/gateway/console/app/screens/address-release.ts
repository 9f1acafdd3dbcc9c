/** Gives an address free that is kept for somebody who was deleted. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { AddressInfo } from "../../../../contracts/look-up.ts";
import { html } from "../core/html.ts";
import { useIntent } from "../core/intent.ts";
import { speak } from "../core/speech.ts";
import { Confirm } from "../parts/confirm.ts";
import { Course } from "../parts/course.ts";
import { ForScope } from "../parts/states.ts";

export function Release({
  info,
  onDone,
}: {
  readonly info: AddressInfo;
  readonly onDone: () => void;
}): VNode | null {
  const intent = useIntent<null>();
  const [isAsking, setAsking] = useState(false);
  const { address, status } = info;
  const send = async (reason: string): Promise<void> => {
    const path = `/smtp/${encodeURIComponent(address)}/release`;
    if ((await intent.send(path, { method: "POST", body: { reason } })) === undefined) return;
    speak("Released");
    onDone();
  };
  const isKept = status === "deleted" || status === "quarantined";
  if (!isKept && intent.state === "idle") return null;
  return html`<${ForScope} scope="addresses:release" what="Releasing it">
    ${isKept ? html`<p class="actions"><button type="button" class="danger" onClick=${() => setAsking(true)}>Release the address…</button></p>` : null}
    <${Course} of=${intent} done="Released: anyone may take it." />
    ${
      isAsking
        ? html`<${Confirm} title="Release the address" act="Release 1 address" typed=${address} reason="needed" isFinal
            onClose=${() => setAsking(false)} onAct=${(reason: string) => void send(reason)}>
            <p><strong>Anyone can take it at once</strong>, before its terms are over. A restore of its last owner then gets it back only while nobody else has it.</p>
          </${Confirm}>`
        : null
    }
  </${ForScope}>`;
}
