/** Filters of a list: fields whose values are in the URL once they are applied, so that a link shows the same list. */
import type { VNode } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { html } from "../core/html.ts";
import { filterBy, useHere } from "../core/router.ts";
import { useSettings, zoneOf } from "../core/settings.ts";
import { momentsOf, pickedText } from "../core/times.ts";

export interface Filter {
  readonly name: string;
  readonly label: string;
  /** `time`: a moment, kept as RFC 3339; choices: one of these; else a text. */
  readonly kind?: "text" | "time";
  readonly choices?: readonly (readonly [value: string, text: string])[];
}

const valueOfInput = (event: Event): string => (event.target as HTMLInputElement | HTMLSelectElement).value;

export function Filters({ of }: { readonly of: readonly Filter[] }): VNode {
  const { query } = useHere();
  const zone = zoneOf(useSettings());
  const id = useId();
  const shown = (filter: Filter): string => {
    const value = query[filter.name] ?? "";
    return filter.kind === "time" && value !== "" ? pickedText(value, zone) : value;
  };
  const [texts, setTexts] = useState<Readonly<Record<string, string>>>({});
  const now = of.map(shown).join("\n");
  useEffect(() => setTexts({}), [now]);
  const apply = (changed: Readonly<Record<string, string>>): void => {
    const next = of.flatMap((filter) => {
      const text = changed[filter.name];
      if (text === undefined) return [];
      const value = filter.kind === "time" && text !== "" ? (momentsOf(text, zone)[0] ?? "") : text.trim();
      return [[filter.name, value] as const];
    });
    filterBy({ ...Object.fromEntries(next), cursor: "" });
  };
  return html`<form class="filters" role="search" aria-label="Filters" onSubmit=${(event: Event) => {
    event.preventDefault();
    apply(texts);
  }}>
    ${of.map((filter) => {
      const { name, label, kind = "text", choices } = filter;
      const value = texts[name] ?? shown(filter);
      return html`<label for=${`${id}${name}`}>${label}${kind === "time" ? html` <span class="quiet">(${zone})</span>` : null}
        ${
          choices === undefined
            ? html`<input id=${`${id}${name}`} type=${kind === "time" ? "datetime-local" : "text"} value=${value} autocomplete="off" spellcheck=${false}
                onInput=${(event: Event) => setTexts({ ...texts, [name]: valueOfInput(event) })} />`
            : html`<select id=${`${id}${name}`} value=${value} onChange=${(event: Event) => apply({ ...texts, [name]: valueOfInput(event) })}>
                ${choices.map(([each, text]) => html`<option value=${each} selected=${each === value}>${text}</option>`)}
              </select>`
        }
      </label>`;
    })}
    <button type="submit">Apply</button>
    ${now.trim() === "" ? null : html`<button type="button" onClick=${() => filterBy({ ...Object.fromEntries(of.map(({ name }) => [name, ""])), cursor: "" })}>Clear</button>`}
  </form>`;
}
