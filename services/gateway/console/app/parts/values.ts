/** Values as a change tells them, and changes from one to the other: what was, what is. */
import type { VNode } from "preact";
import type { Change } from "../../../../contracts/events.ts";
import { type Content, html } from "../core/html.ts";
import { Address } from "./links.ts";
import { Moment } from "./moment.ts";

const isTime = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

export function valueText(value: unknown): Content {
  if (value === null || value === undefined) return html`<span class="quiet">none</span>`;
  if (Array.isArray(value))
    return value.length === 0
      ? html`<span class="quiet">none</span>`
      : value.map((each, index) => html`${index === 0 ? "" : ", "}${valueText(each)}`);
  if (typeof value === "string" && isTime.test(value)) return html`<${Moment} at=${value} bare />`;
  if (typeof value === "string" && value.includes("@")) return html`<${Address} of=${value} />`;
  if (typeof value === "object") return html`<code>${JSON.stringify(value)}</code>`;
  return String(value);
}

/** Of a list only what came and went. */
function listChange(from: readonly unknown[], to: readonly unknown[]): VNode {
  const gone = from.filter((each) => !to.includes(each));
  const come = to.filter((each) => !from.includes(each));
  return html`${gone.map((each) => html`<span>removed <del>${valueText(each)}</del></span> `)}
    ${come.map((each) => html`<span>added <ins>${valueText(each)}</ins></span> `)}`;
}

export function Changes({ of }: { readonly of: readonly Partial<Change>[] }): VNode {
  if (of.length === 0) return html`<span class="quiet">no field changed</span>`;
  return html`<ul class="changes">
    ${of.map(({ field, from, to }) => {
      if (from === undefined && to === undefined) return html`<li><code>${field}</code></li>`;
      const change =
        Array.isArray(from) && Array.isArray(to)
          ? listChange(from, to)
          : html`${valueText(from)} <span aria-hidden="true">→</span><span class="unseen"> to </span> ${valueText(to)}`;
      return html`<li><code>${field}</code> ${change}</li>`;
    })}
  </ul>`;
}
