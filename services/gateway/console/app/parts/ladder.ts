/** The way of a write, drawn as a list: what one hears is what one sees, the lines between are decoration. */
import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { TracedWrite } from "../../../../contracts/trace.ts";
import { html } from "../core/html.ts";
import { ladderOf, type Rung, signs } from "../core/ladder.ts";
import { hrefOf } from "../core/routes.ts";
import { useMay } from "../core/session.ts";
import { Changes } from "./values.ts";

function RungOf({ rung }: { readonly rung: Rung }): VNode {
  const { sign, title, lines, changes, letterId, isBroken } = rung;
  const mayLetters = useMay("letters:read");
  return html`<div class=${`rung ${sign.replace(" ", "-")}${isBroken ? " broken" : ""}`}>
    <p class="strong"><span class="sign" aria-hidden="true">${signs[sign]}</span><span class="unseen">${sign}: </span>${title}</p>
    ${lines.map((line) => html`<p class="line">${line}</p>`)}
    ${changes === undefined || changes.length === 0 ? null : html`<${Changes} of=${changes} />`}
    ${letterId === undefined || !mayLetters ? null : html`<p class="line"><a href=${hrefOf("letter", letterId)}>its dead letter</a></p>`}
  </div>`;
}

const EdgeOf = ({ rung }: { readonly rung: Rung }): VNode | null =>
  rung.edge === undefined || (rung.edge.text === "" && rung.edge.kind === "happened")
    ? null
    : html`<p class=${`edge ${rung.edge.kind === "unseen" ? "dim" : rung.edge.kind}`}>${rung.edge.text}</p>`;

export function LadderOf({ write }: { readonly write: TracedWrite }): VNode {
  const { above, consumers, below } = ladderOf(write);
  const place = useRef<HTMLOListElement>(null);
  useEffect(() => {
    // It opens at the broken step, without taking the focus.
    place.current?.querySelector(".broken")?.scrollIntoView({ block: "nearest" });
  }, []);
  return html`<ol class="ladder" ref=${place}>
    ${above.map((rung) => html`<li key=${rung.step}><${RungOf} rung=${rung} /></li>`)}
    ${
      consumers.length === 0
        ? null
        : html`<li class="fork"><ul>
            ${consumers.map((rung) => html`<li key=${rung.step}><${EdgeOf} rung=${rung} /><${RungOf} rung=${rung} /></li>`)}
          </ul></li>`
    }
    ${below === undefined ? null : html`<li><${RungOf} rung=${below} /></li>`}
  </ol>`;
}
