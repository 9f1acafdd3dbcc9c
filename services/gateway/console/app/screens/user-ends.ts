/** Deletes a user, who can be restored for a term, and restores one. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { ListedUser } from "../../../../contracts/user-lists.ts";
import { html } from "../core/html.ts";
import { useIntent } from "../core/intent.ts";
import { speak } from "../core/speech.ts";
import { Confirm } from "../parts/confirm.ts";
import { Course } from "../parts/course.ts";
import { ForScope } from "../parts/states.ts";
import type { Conditional } from "./user-addresses.ts";

export function DeleteUser({ user, etag, onDone }: Conditional): VNode {
  const intent = useIntent<null>();
  const [isAsking, setAsking] = useState(false);
  const count = 1 + user.secondarySmtps.length;
  const send = async (): Promise<void> => {
    setAsking(false);
    const answer = await intent.send(`/users/${user.id}`, { method: "DELETE", ifMatch: etag });
    if (answer === undefined) return;
    speak("Deleted");
    onDone();
  };
  return html`<${ForScope} scope="users:delete" what="Deleting a user">
    <p class="actions"><button type="button" class="danger" onClick=${() => setAsking(true)}>Delete the user…</button></p>
    <${Course} of=${intent} done="Deleted." />
    ${
      isAsking
        ? html`<${Confirm} title="Delete the user" act="Delete 1 user" typed=${user.primarySmtp} isFinal onCancel=${() => setAsking(false)} onAct=${() => void send()}>
            <p>${user.displayName} and ${count === 1 ? "the one address" : `all ${count} addresses`} go. A restore gets them all back until the term of tombstones is over; afterwards they are quarantined, and only this user may have them. The page tells both dates once it is done.</p>
          </${Confirm}>`
        : null
    }
  </${ForScope}>`;
}

export function RestoreUser({ user, etag, onDone }: Conditional): VNode {
  const intent = useIntent<ListedUser>();
  const send = async (): Promise<void> => {
    const answer = await intent.send(`/users/${user.id}/restore`, { method: "POST", ifMatch: etag });
    if (answer === undefined) return;
    speak("Restored");
    onDone();
  };
  return html`<${ForScope} scope="users:restore" what="Restoring a user">
    <p class="actions"><button type="button" class="primary" disabled=${intent.state === "sending"} onClick=${() => void send()}>Restore the user</button></p>
    <${Course} of=${intent} done="Restored, with all addresses." />
  </${ForScope}>`;
}
