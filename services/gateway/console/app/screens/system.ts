/** The way of an event, a number at each place; polled while it is looked at. */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Status } from "../../../../contracts/status.ts";
import { useClock } from "../core/clock.ts";
import {
  type Place,
  placesOf,
  type Sample,
  sampleOf,
  samplesMs,
  sparkOf,
  systemRhythm,
  troublesOf,
} from "../core/flow.ts";
import { html } from "../core/html.ts";
import { useResource } from "../core/resource.ts";
import { hrefOf } from "../core/routes.ts";
import { useMay } from "../core/session.ts";
import { useSettings, zoneOf } from "../core/settings.ts";
import { speak } from "../core/speech.ts";
import { momentText, spanText } from "../core/times.ts";
import { Mark } from "../parts/mark.ts";
import { Moment } from "../parts/moment.ts";
import { Page } from "../parts/page.ts";
import { passTitle } from "../parts/pass.ts";
import { ForScope, Loaded } from "../parts/states.ts";
import { type Column, Table } from "../parts/table.ts";

function Spark({ points }: { readonly points: string }): VNode | null {
  if (points === "") return null;
  return html`<svg class="spark" viewBox="0 0 100 28" preserveAspectRatio="none" aria-hidden="true" focusable="false"><polyline points=${points} /></svg>`;
}

function PlaceOf({ place, samples }: { readonly place: Place; readonly samples: readonly Sample[] }): VNode {
  const { name, figure, unit, notes, trouble } = place;
  return html`<li class=${trouble === undefined ? "" : "bad"}>
    <h3>${name}</h3>
    <p class="figure">${figure}${unit === "" ? null : html` <span class="quiet">${unit}</span>`}</p>
    ${notes.map((note) => html`<p class="quiet">${note}</p>`)}
    ${trouble === undefined ? null : html`<p><${Mark} state="down" word=${trouble} /></p>`}
    <${Spark} points=${sparkOf(samples, name)} />
  </li>`;
}

interface CheckRow {
  readonly service: string;
  readonly status: string;
  readonly detail: string;
}
const checkColumns: readonly Column<CheckRow>[] = [
  { name: "Service", cell: ({ service }) => service },
  { name: "State", cell: ({ status }) => html`<${Mark} state=${status} />` },
  { name: "What is wrong", cell: ({ detail }) => detail },
];

function Counts({ status }: { readonly status: Status }): VNode {
  const { users, addresses, reconciliation, deadLetters } = status;
  return html`<dl class="facts">
    <dt>Users</dt><dd>${users === null ? "–" : `${users.active} living, ${users.deleted} deleted, ${users.erased} erased`}</dd>
    <dt>Addresses</dt><dd>${addresses === null ? "–" : `${addresses.active} active, ${addresses.reserved} reserved, ${addresses.deleted} deleted, ${addresses.quarantined} quarantined, in ${addresses.domainsTotal} domains`}</dd>
    <dt>Dead letters</dt><dd>${deadLetters === null ? "–" : html`<a href=${hrefOf("letters")}>${deadLetters.pending} pending</a> of ${deadLetters.causes.length} ${deadLetters.causes.length === 1 ? "cause" : "causes"}`}</dd>
    <dt>Consistency</dt><dd>${reconciliation === null ? (status.unseen.some(({ service }) => service === "reconciler") ? "–" : "no comparison yet") : html`<a href=${hrefOf("consistency")}>${passTitle(reconciliation)}</a> <${Moment} at=${reconciliation.endedAt ?? reconciliation.startedAt} /> ${reconciliation.violations === null ? "" : `· violations ${Object.values(reconciliation.violations).reduce((sum, count) => sum + count, 0)}`}`}</dd>
  </dl>`;
}

function Now({ status, samples }: { readonly status: Status; readonly samples: readonly Sample[] }): VNode {
  const asked = Object.entries(status.checks).map(([service, { status: state, detail = "" }]) => ({
    service,
    status: state,
    detail,
  }));
  const unseen = status.unseen
    .filter(({ service }) => !asked.some((check) => check.service === service))
    .map(({ service, reason }) => ({ service, status: "unknown", detail: reason }));
  const rows = [...asked, ...unseen];
  return html`<h2>The way of an event</h2>
    <ol class="flow">${placesOf(status).map((place) => html`<${PlaceOf} key=${place.name} place=${place} samples=${samples} />`)}</ol>
    <h2>Counts</h2>
    <${Counts} status=${status} />
    <h2>Services</h2>
    <${Table} caption="Services" columns=${checkColumns} rows=${rows} keyOf=${({ service }: CheckRow) => service} />`;
}

export function System(): VNode {
  const mayRead = useMay("status:read");
  const zone = zoneOf(useSettings());
  const now = useClock(1_000);
  const [isPaused, setPaused] = useState(false);
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const resource = useResource<Status>(
    mayRead ? "/status" : undefined,
    isPaused ? () => undefined : systemRhythm,
    isPaused,
  );
  const { data, asOfMs } = resource;
  useEffect(() => {
    if (data === undefined || asOfMs === undefined) return;
    const oldestMs = asOfMs - samplesMs;
    setSamples((before) => [...before.filter(({ atMs }) => atMs >= oldestMs), sampleOf(data, asOfMs)]);
  }, [asOfMs]);
  const problems = data === undefined ? [] : troublesOf(data);
  const text = problems.join(", ");
  const before = useRef<string | undefined>(undefined);
  useEffect(() => {
    if (data === undefined) return;
    if (before.current !== undefined && before.current !== text)
      speak(text === "" ? "No problem any more" : text);
    before.current = text;
  }, [text, data === undefined]);
  const count = `${problems.length} ${problems.length === 1 ? "problem" : "problems"}`;
  return html`<${Page} title="System" alarm=${problems.length > 0 ? `▲ ${count}` : undefined} heading="The system now">
    <${ForScope} scope="status:read" what="Looking at the system">
      <p class="actions">
        ${asOfMs === undefined ? null : html`<span>as of <span class="moment">${momentText(new Date(asOfMs).toISOString(), zone).slice(11, 19)}</span> <span class="quiet">(${spanText(Math.max(0, Math.floor((now - asOfMs) / 1_000)))})</span></span>`}
        <button type="button" class="small" aria-pressed=${isPaused} onClick=${() => setPaused(!isPaused)}>${isPaused ? "Go on" : "Pause"}</button>
        ${data === undefined ? null : problems.length === 0 ? html`<${Mark} state="up" word="no problem" />` : html`<${Mark} state="down" word=${count} />`}
      </p>
      ${problems.length === 0 ? null : html`<div class="note bad"><ul>${problems.map((problem) => html`<li>${problem}</li>`)}</ul></div>`}
      <${Loaded} of=${resource} what="how the system is">${(status: Status) => html`<${Now} status=${status} samples=${samples} />`}</${Loaded}>
    </${ForScope}>
  </${Page}>`;
}
