/** Deletes a user, who can be restored for a term, and restores one. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { ListedUser } from "../../../../contracts/user-lists.ts";
import { html } from "../core/html.ts";
import { type Intent, useIntent } from "../core/intent.ts";
import { speak } from "../core/speech.ts";
import { Confirm } from "../parts/confirm.ts";
import { Course } from "../parts/course.ts";
import { ForScope } from "../parts/states.ts";
import type { Conditional } from "./user-addresses.ts";

/** What was sent here: it outlives the part of the page that it was wanted on, which goes with the user's state. */
export interface Ends {
  readonly removal: Intent<null>;
  readonly restoring: Intent<ListedUser>;
}

export const useEnds = (): Ends => ({ removal: useIntent<null>(), restoring: useIntent<ListedUser>() });

export const EndsCourse = ({ of: { removal, restoring } }: { readonly of: Ends }): VNode =>
  html`<${Course} of=${removal} done="Deleted." /><${Course} of=${restoring} done="Restored, with all addresses." />`;

type EndsProps = Conditional & { readonly ends: Ends };

export function DeleteUser({ user, etag, onDone, ends }: EndsProps): VNode {
  const [isAsking, setAsking] = useState(false);
  const count = 1 + user.secondarySmtps.length;
  const send = async (): Promise<void> => {
    ends.restoring.reset();
    const answer = await ends.removal.send(`/users/${user.id}`, { method: "DELETE", ifMatch: etag });
    if (answer === undefined) return;
    speak("Deleted");
    onDone();
  };
  return html`<${ForScope} scope="users:delete" what="Deleting a user">
    <p class="actions"><button type="button" class="danger" onClick=${() => setAsking(true)}>Delete the user…</button></p>
    ${
      isAsking
        ? html`<${Confirm} title="Delete the user" act="Delete 1 user" typed=${user.primarySmtp} isFinal onClose=${() => setAsking(false)} onAct=${() => void send()}>
            <p>${user.displayName} and ${count === 1 ? "the one address" : `all ${count} addresses`} go. A restore gets them all back for 30 days, unless this installation has set another term (<code>TOMBSTONE_DAYS</code>). After that they are kept from everybody else for a further 365 days (<code>QUARANTINE_DAYS</code>), then anyone may take them. The page tells both dates once it is done.</p>
          </${Confirm}>`
        : null
    }
  </${ForScope}>`;
}

export function RestoreUser({ user, etag, onDone, ends: { removal, restoring } }: EndsProps): VNode {
  const send = async (): Promise<void> => {
    removal.reset();
    const answer = await restoring.send(`/users/${user.id}/restore`, { method: "POST", ifMatch: etag });
    if (answer === undefined) return;
    speak("Restored");
    onDone();
  };
  return html`<${ForScope} scope="users:restore" what="Restoring a user">
    <p class="actions"><button type="button" class="primary" disabled=${restoring.state === "sending"} onClick=${() => void send()}>Restore the user</button></p>
  </${ForScope}>`;
}
