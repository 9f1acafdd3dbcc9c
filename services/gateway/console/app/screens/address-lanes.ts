/** The life of an address, drawn: a lane for each owner. What it shows stands in the table below it. */
import type { VNode } from "preact";
import { html } from "../core/html.ts";
import {
  barOf,
  type Lane,
  type PieceKind,
  pieceAt,
  placeIn,
  type Span,
  ticksOf,
  windowOf,
} from "../core/lanes.ts";
import { hrefOf } from "../core/routes.ts";
import { useSettings, zoneOf } from "../core/settings.ts";
import { dayText, momentText } from "../core/times.ts";

interface LanesProps {
  readonly lanes: readonly Lane[];
  readonly atMs: number | undefined;
  readonly nameOf: (userId: string | null) => string;
}

const legend: readonly (readonly [PieceKind, string])[] = [
  ["primary", "primary"],
  ["secondary", "secondary"],
  ["deleted", "deleted, restorable"],
  ["quarantined", "quarantined"],
];

function Bars({
  lane,
  span,
  atMs,
}: {
  readonly lane: Lane;
  readonly span: Span;
  readonly atMs: number | undefined;
}): VNode {
  return html`<svg class="lane" width="100%" height="20" aria-hidden="true" focusable="false">
    <line class="ground" x1="0" x2="100%" y1="10" y2="10" />
    ${lane.pieces.map((piece) => {
      const { kind, x, width } = barOf(piece, span, Date.now());
      const [y, height] = kind === "quarantined" ? [8, 4] : [3, 14];
      return html`<rect class=${kind} x=${`${x}%`} y=${y} width=${`${width}%`} height=${height} />
        ${kind === "secondary" ? html`<line class="stripe" x1=${`${x}%`} x2=${`${x + width}%`} y1="10" y2="10" />` : null}`;
    })}
    <line class="now" x1=${`${placeIn(span, Date.now())}%`} x2=${`${placeIn(span, Date.now())}%`} y1="0" y2="20" />
    ${atMs === undefined ? null : html`<line class="at" x1=${`${placeIn(span, atMs)}%`} x2=${`${placeIn(span, atMs)}%`} y1="0" y2="20" />`}
  </svg>`;
}

/** As wide as a word is where the drawing is narrowest, in percent. */
const wordWidth = 14;

/** The time that is asked about, and now where both can be read. */
function marksOf(span: Span, atMs: number | undefined): (readonly [string, number])[] {
  const now = placeIn(span, Date.now());
  if (atMs === undefined) return [["now", now]];
  const at = placeIn(span, atMs);
  return [...(Math.abs(now - at) < wordWidth ? [] : [["now", now] as const]), ["at", at]];
}

function Axis({ span, atMs }: { readonly span: Span; readonly atMs: number | undefined }): VNode {
  const zone = zoneOf(useSettings());
  const isShort = span.untilMs - span.fromMs < 3 * 86_400_000;
  const text = (ms: number): string =>
    isShort ? momentText(new Date(ms).toISOString(), zone).slice(11, 16) : dayText(ms, zone).slice(0, 7);
  const ticks = ticksOf(span);
  return html`<svg class="axis" width="100%" height="34" aria-hidden="true" focusable="false">
    ${ticks.map(
      ({ ms, x }) => html`<line class="tick" x1=${`${x}%`} x2=${`${x}%`} y1="28" y2="34" />
        <text x=${`${x}%`} y="24" text-anchor=${x > 90 ? "end" : x < 8 ? "start" : "middle"}>${text(ms)}</text>`,
    )}
    ${marksOf(span, atMs).map(([name, x]) => {
      const [anchor, label] =
        x > 90 ? ["end", `${name}▼`] : x < 10 ? ["start", `▼${name}`] : ["middle", `▼${name}`];
      return html`<text class=${name} x=${`${x}%`} y="10" text-anchor=${anchor}>${label}</text>`;
    })}
  </svg>`;
}

export function Lanes({ lanes, atMs, nameOf }: LanesProps): VNode {
  const span = windowOf(lanes, Date.now(), atMs);
  return html`<figure class="lanes">
    <div class="lane-row head"><span></span><${Axis} span=${span} atMs=${atMs} /></div>
    ${lanes.map((lane) => {
      const had = atMs === undefined ? undefined : pieceAt(lane, atMs);
      const name = nameOf(lane.userId);
      return html`<div class=${`lane-row${had === undefined ? "" : " had"}`} key=${lane.userId ?? "erased"}>
        <span class="lane-name">${lane.userId === null ? name : html`<a href=${hrefOf("user", lane.userId)}>${name}</a>`}
          ${had === undefined ? null : html` <span class="quiet">${had.kind} then</span>`}</span>
        <${Bars} lane=${lane} span=${span} atMs=${atMs} />
      </div>`;
    })}
    <figcaption>
      ${legend.map(
        ([
          kind,
          text,
        ]) => html`<span class="legend"><svg width="18" height="14" aria-hidden="true" class="lane">
          <rect class=${kind} x="0" y=${kind === "quarantined" ? 5 : 0} width="18" height=${kind === "quarantined" ? 4 : 14} />
          ${kind === "secondary" ? html`<line class="stripe" x1="0" x2="18" y1="7" y2="7" />` : null}
        </svg> ${text}</span>`,
      )}
      <span class="legend quiet">Blank is nobody.</span>
    </figcaption>
  </figure>`;
}
