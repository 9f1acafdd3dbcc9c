/** A moment with its zone, and how long ago; a span; both as text that can be copied. */
import type { VNode } from "preact";
import { useClock } from "../core/clock.ts";
import { html } from "../core/html.ts";
import { useSettings, zoneOf } from "../core/settings.ts";
import { momentText, relativeText } from "../core/times.ts";

export function Moment({
  at,
  bare,
}: {
  readonly at: string | null | undefined;
  readonly bare?: boolean;
}): VNode {
  const zone = zoneOf(useSettings());
  const now = useClock();
  if (at === null || at === undefined) return html`<span class="quiet" aria-label="not known">–</span>`;
  const relative = bare === true ? "" : relativeText(at, now);
  return html`<time dateTime=${at} class="moment">${momentText(at, zone)}${
    relative === "" ? null : html` <span class="quiet ago">${relative}</span>`
  }</time>`;
}
