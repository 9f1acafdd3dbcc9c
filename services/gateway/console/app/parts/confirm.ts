/**
 * What is asked before something with a consequence happens.
 *
 * Promise: the dialog begins at Cancel; without it nothing happens; what can't be taken back asks for a reason, and for
 * the very text or number that it is about. Once acted on it is gone, so that the outcome is seen on the page, and whoever
 * opened it is where they were.
 */
import type { VNode } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { type Content, html } from "../core/html.ts";

export interface ConfirmProps {
  readonly title: string;
  /** Verb and object: "Discard 1 letter". */
  readonly act: string;
  /** What has to be typed before. */
  readonly typed?: string;
  readonly reason?: "needed" | "none";
  readonly isFinal?: boolean;
  readonly children: Content;
  /** It has gone, acted on or not. */
  readonly onClose: () => void;
  readonly onAct: (reason: string) => void;
}

export function Confirm(props: ConfirmProps): VNode {
  const { title, act, typed, reason = "none", isFinal, children, onClose, onAct } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const cancel = useRef<HTMLButtonElement>(null);
  const [text, setText] = useState("");
  const [why, setWhy] = useState("");
  const id = useId();
  useEffect(() => {
    dialog.current?.showModal();
    cancel.current?.focus();
  }, []);
  const isReady = (typed === undefined || text.trim() === typed) && (reason === "none" || why.trim() !== "");
  const submit = (event: Event): void => {
    event.preventDefault();
    if (!isReady) return;
    dialog.current?.close();
    onAct(why.trim());
  };
  return html`<dialog ref=${dialog} aria-labelledby=${`${id}-title`} onClose=${onClose}>
    <form onSubmit=${submit}>
      <h2 id=${`${id}-title`}>${title}</h2>
      ${children}
      ${
        reason === "none"
          ? null
          : html`<label>Reason, kept with who did it
              <input value=${why} maxLength=${500} required onInput=${(event: InputEvent) => setWhy((event.target as HTMLInputElement).value)} />
            </label>`
      }
      ${
        typed === undefined
          ? null
          : html`<label>Type <code>${typed}</code> to go on
              <input value=${text} autocomplete="off" spellcheck=${false} onInput=${(event: InputEvent) => setText((event.target as HTMLInputElement).value)} />
            </label>`
      }
      <p class="actions">
        <button type="button" ref=${cancel} onClick=${() => dialog.current?.close()}>Cancel</button>
        <button type="submit" class=${isFinal ? "danger" : "primary"} disabled=${!isReady}>${act}</button>
      </p>
    </form>
  </dialog>`;
}
