/** A moment with its zone, and how long ago, as text that can be copied. What has happened is never told as to come. */
import type { VNode } from "preact";
import { useClock } from "../core/clock.ts";
import { html } from "../core/html.ts";
import { useSettings, zoneOf } from "../core/settings.ts";
import { momentText, relativeText } from "../core/times.ts";

export function Moment({
  at,
  bare,
  isTerm = false,
}: {
  readonly at: string | null | undefined;
  readonly bare?: boolean;
  /** Until when something holds, which may be to come; anything else has happened, whatever this device's clock says. */
  readonly isTerm?: boolean;
}): VNode {
  const zone = zoneOf(useSettings());
  const now = useClock(undefined, at);
  if (at === null || at === undefined) return html`<span class="quiet" aria-label="not known">–</span>`;
  const relative = bare === true ? "" : relativeText(at, isTerm ? now : Math.max(now, Date.parse(at)));
  return html`<time dateTime=${at} class="moment">${momentText(at, zone)}${
    relative === "" ? null : html` <span class="quiet ago">${relative}</span>`
  }</time>`;
}
