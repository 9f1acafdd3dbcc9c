/** A text that is copied by a button; where the clipboard is closed, it is selected for whoever copies by hand. */
import type { VNode } from "preact";
import { useRef, useState } from "preact/hooks";
import { html } from "../core/html.ts";
import { speak } from "../core/speech.ts";

interface CopyProps {
  readonly text: string;
  readonly label: string;
  /** Beside the button; without it the button stands alone. */
  readonly shown?: boolean;
}

export function Copy({ text, label, shown }: CopyProps): VNode {
  const place = useRef<HTMLElement>(null);
  const [done, setDone] = useState("");
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setDone("Copied");
    } catch {
      if (place.current !== null) window.getSelection()?.selectAllChildren(place.current);
      setDone("Selected: copy it by hand");
    }
    speak("Copied");
  };
  const isShown = shown === true || done.startsWith("Selected");
  return html`<span class="copy">
    ${isShown ? html`<code ref=${place}>${text}</code>` : html`<span ref=${place} class="unseen">${text}</span>`}
    <button type="button" class="small" onClick=${() => void copy()}>${done === "Copied" ? "✓ Copied" : label}</button>
    ${done.startsWith("Selected") ? html`<span class="quiet">${done}</span>` : null}
  </span>`;
}
