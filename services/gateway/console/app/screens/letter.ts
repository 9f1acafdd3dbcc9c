/** One dead letter. What is in it is shown after Reveal, which is on record. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { DeadLetter, DeadLetterDetail } from "../../../../contracts/dead-letters.ts";
import { html } from "../core/html.ts";
import { useIntent } from "../core/intent.ts";
import { useResource } from "../core/resource.ts";
import { hrefOf } from "../core/routes.ts";
import { useSession } from "../core/session.ts";
import { speak } from "../core/speech.ts";
import { Confirm } from "../parts/confirm.ts";
import { Course } from "../parts/course.ts";
import { RequestLink, shortId, UserLink } from "../parts/links.ts";
import { Mark } from "../parts/mark.ts";
import { Moment } from "../parts/moment.ts";
import { Page } from "../parts/page.ts";
import { ForScope, Loaded } from "../parts/states.ts";

function Facts({ letter }: { readonly letter: DeadLetter }): VNode {
  const facts: readonly (readonly [string, unknown])[] = [
    ["Queue", html`<code>${letter.queue}</code>`],
    ["Error", letter.error],
    ["Reason", letter.reason],
    ["Cause", html`<a href=${hrefOf("letters", "", { cause: letter.cause })}>all of this cause</a>`],
    ["Event", html`<code>${letter.eventType ?? "–"}</code> <code>${letter.eventId ?? "–"}</code>`],
    ["User", html`<${UserLink} id=${letter.userId} />`],
    ["Request", html`<${RequestLink} id=${letter.correlationId} />`],
    ["Attempts", letter.attempts],
    ["Replays", letter.replays],
    ["First failed", html`<${Moment} at=${letter.firstFailedAt} />`],
    ["Last failed", html`<${Moment} at=${letter.lastFailedAt} />`],
    ["Last replayed", html`<${Moment} at=${letter.lastReplayedAt} />`],
  ];
  return html`<dl class="facts">${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

function Inside({ letter }: { readonly letter: DeadLetterDetail }): VNode {
  const { discarded, payload, payloadEncoding, headers, routingKey } = letter;
  return html`${
    discarded === null
      ? null
      : html`<p class="note"><span aria-hidden="true">⊘</span> Discarded by ${discarded.by} <${Moment} at=${discarded.at} />: ${discarded.reason} <${RequestLink} id=${discarded.correlationId} /></p>`
  }
    <h2>Payload <span class="quiet">${payloadEncoding}</span></h2>
    <pre tabIndex=${0}>${typeof payload === "string" ? payload : JSON.stringify(payload, null, 2)}</pre>
    <h2>Headers</h2>
    <p>Published as <code>${routingKey}</code></p>
    <pre tabIndex=${0}>${JSON.stringify(headers, null, 2)}</pre>`;
}

function Actions({ id, onDone }: { readonly id: string; readonly onDone: () => void }): VNode {
  const replay = useIntent<DeadLetter>();
  const discard = useIntent<null>();
  const [isAsking, setAsking] = useState(false);
  const send = async (): Promise<void> => {
    if ((await replay.send(`/dead-letters/${id}/replay`, { method: "POST" })) === undefined) return;
    speak("Replayed");
    onDone();
  };
  const drop = async (reason: string): Promise<void> => {
    if ((await discard.send(`/dead-letters/${id}`, { method: "DELETE", body: { reason } })) === undefined)
      return;
    speak("Discarded");
    onDone();
  };
  return html`<${ForScope} scope="letters:write" what="Replaying and discarding">
    <p class="actions">
      <button type="button" class="primary" onClick=${() => void send()}>Replay 1 letter</button>
      <button type="button" class="danger" onClick=${() => setAsking(true)}>Discard 1 letter…</button>
    </p>
    <${Course} of=${replay} done="It is in its queue again; one that fails again is pending again, under the same id." />
    <${Course} of=${discard} done="Discarded. It stays readable until its term is over." />
    ${
      isAsking
        ? html`<${Confirm} title="Discard the letter" act="Discard 1 letter" reason="needed" typed="1" isFinal onClose=${() => setAsking(false)} onAct=${(reason: string) => void drop(reason)}>
            <p>Its consumer never takes the event. Of audit, nothing can put the entry into the log any more.</p>
          </${Confirm}>`
        : null
    }
  </${ForScope}>`;
}

export function LetterPage({ id }: { readonly id: string }): VNode {
  const [isOpen, setOpen] = useState(false);
  const { scopes, via } = useSession();
  const seesPeople = scopes.includes("users:read");
  const letter = useResource<DeadLetterDetail>(
    isOpen ? `/dead-letters/${encodeURIComponent(id)}` : undefined,
  );
  return html`<${Page} title="Dead letter" heading=${html`Dead letter <code>${shortId(id)}</code>${letter.data === undefined ? null : html` <${Mark} state=${letter.data.status} />`}`}>
    <p><a href=${hrefOf("letters")}>All causes</a></p>
    <${ForScope} scope="letters:read" what="Looking at a dead letter">
      <${Actions} id=${id} onDone=${isOpen ? letter.refresh : () => undefined} />
      <${ForScope} scope="letters:payload" what="Looking into a dead letter">
        ${
          isOpen
            ? html`<${Loaded} of=${letter} what="the letter">${(data: DeadLetterDetail) => html`<${Facts} letter=${data} /><${Inside} letter=${data} />`}</${Loaded}>`
            : html`<p class="actions"><button type="button" onClick=${() => setOpen(true)}>Reveal what is in it</button>
                ${via === "none" ? null : html`<span class="quiet">Who looks is on record${seesPeople ? "" : "; names and addresses are masked"}.</span>`}</p>`
        }
      </${ForScope}>
    </${ForScope}>
  </${Page}>`;
}
