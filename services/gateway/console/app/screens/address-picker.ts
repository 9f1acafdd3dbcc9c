/** Picks a moment in the past. Of an hour that there is twice, both are offered. */
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { html } from "../core/html.ts";
import { filterBy } from "../core/router.ts";
import { useSettings, zoneOf } from "../core/settings.ts";
import { momentsOf, momentText, pickedText } from "../core/times.ts";

export function AtPicker({ at }: { readonly at: string | undefined }): VNode {
  const zone = zoneOf(useSettings());
  const [picked, setPicked] = useState(at === undefined ? "" : pickedText(at, zone));
  const [choice, setChoice] = useState<readonly string[] | undefined>(undefined);
  useEffect(() => {
    setPicked(at === undefined ? "" : pickedText(at, zone));
    setChoice(undefined);
  }, [at, zone]);
  const submit = (event: Event): void => {
    event.preventDefault();
    const moments = momentsOf(picked, zone);
    if (moments.length === 1) filterBy({ at: moments[0] });
    else setChoice(moments);
  };
  return html`<form class="filters" onSubmit=${submit}>
    <label>Who had it at <span class="quiet">(${zone})</span>
      <input type="datetime-local" value=${picked} onInput=${(event: InputEvent) => setPicked((event.target as HTMLInputElement).value)} />
    </label>
    <button type="submit">Show that time</button>
    ${at === undefined ? null : html`<button type="button" onClick=${() => filterBy({ at: "" })}>Now only</button>`}
    ${
      choice === undefined
        ? null
        : html`<div class="note warn" role="alert">
            ${
              choice.length === 0
                ? html`<p>${picked === "" ? "Pick a day and a time." : "There was no such time: the clocks were put forward."}</p>`
                : html`<p>That time was there twice. Which one?</p>
                  <p class="actions">${choice.map((moment) => html`<button type="button" onClick=${() => filterBy({ at: moment })}>${momentText(moment, zone)}</button>`)}</p>`
            }
          </div>`
    }
  </form>`;
}
