/** From page to page of a list: Next by its cursor, which is in the URL, and Back by the browser's own history. */
import type { VNode } from "preact";
import { html } from "../core/html.ts";
import { filterBy, useHere } from "../core/router.ts";

export function Pager({ next }: { readonly next: string | null }): VNode | null {
  const { query } = useHere();
  const isFirst = query.cursor === undefined;
  if (isFirst && next === null) return null;
  return html`<nav class="actions" aria-label="Pages">
    ${isFirst ? null : html`<button type="button" onClick=${() => filterBy({ cursor: "" })}>First page</button>`}
    ${isFirst ? null : html`<button type="button" onClick=${() => window.history.back()}>Back</button>`}
    ${next === null ? html`<span class="quiet">the last page</span>` : html`<button type="button" onClick=${() => filterBy({ cursor: next })}>Next</button>`}
  </nav>`;
}
