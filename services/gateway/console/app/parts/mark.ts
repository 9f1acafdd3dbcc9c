/** A state: a sign, a word and a colour, never a colour alone. */
import type { VNode } from "preact";
import { html } from "../core/html.ts";

const marks = {
  complete: ["✓", "good"],
  active: ["✓", "good"],
  up: ["✓", "good"],
  agree: ["✓", "good"],
  done: ["✓", "good"],
  closed: ["✓", "good"],
  replayed: ["✓", "good"],
  available: ["○", "plain"],
  reserved: ["▫", "plain"],
  running: ["…", "plain"],
  "in flight": ["…", "plain"],
  expired: ["⊘", "plain"],
  discarded: ["⊘", "plain"],
  disabled: ["⊘", "plain"],
  deleted: ["░", "warn"],
  quarantined: ["┄", "warn"],
  pending: ["▼", "warn"],
  partial: ["?", "warn"],
  unknown: ["?", "warn"],
  interrupted: ["▲", "warn"],
  "half-open": ["▲", "warn"],
  blocked: ["✕", "bad"],
  stuck: ["✕", "bad"],
  diverged: ["✕", "bad"],
  failed: ["✕", "bad"],
  refused: ["✕", "bad"],
  revoked: ["✕", "bad"],
  open: ["✕", "bad"],
  down: ["✕", "bad"],
} as const;

export function Mark({ state, word }: { readonly state: string; readonly word?: string }): VNode {
  const [sign, tone] = Object.hasOwn(marks, state) ? marks[state as keyof typeof marks] : ["·", "plain"];
  return html`<span class=${`mark ${tone}`}><span aria-hidden="true">${sign}</span> ${word ?? state}</span>`;
}
