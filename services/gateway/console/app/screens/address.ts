/** Who has an address, since when, and who had it at a time in the past. */
import type { VNode } from "preact";
import type { AuditEntry } from "../../../../contracts/audit.ts";
import type { AddressHistoryPage, AddressInfo } from "../../../../contracts/look-up.ts";
import { html } from "../core/html.ts";
import { lanesOf } from "../core/lanes.ts";
import { type EntriesParts, type People, useEntries, usePeople } from "../core/people.ts";
import { type Resource, useResource } from "../core/resource.ts";
import { useHere } from "../core/router.ts";
import { queryText } from "../core/routes.ts";
import { useMay } from "../core/session.ts";
import { useSettings, zoneOf } from "../core/settings.ts";
import { momentText } from "../core/times.ts";
import { isAt, type Turns, turnsOf } from "../core/turns.ts";
import { Copy } from "../parts/copy.ts";
import { By } from "../parts/entries.ts";
import { addressText, RequestLink, UserLink } from "../parts/links.ts";
import { Mark } from "../parts/mark.ts";
import { Moment } from "../parts/moment.ts";
import { Page } from "../parts/page.ts";
import { Empty, ForScope, Loaded, Missing } from "../parts/states.ts";
import { AddressHistoryTable } from "./address-history.ts";
import { Lanes } from "./address-lanes.ts";
import { AtPicker } from "./address-picker.ts";
import { Release } from "./address-release.ts";

const nameOf = (people: People, id: string | null): string =>
  id === null ? "nobody" : (people.get(id)?.displayName ?? id);

interface Answer {
  readonly info: AddressInfo;
  readonly people: People;
  readonly at?: string | undefined;
  /** Who made it so, and who ended it. */
  readonly turns: Turns | undefined;
}

const changesOf = (turns: Turns | undefined): (readonly [string, AuditEntry])[] => [
  ...(turns?.begun === undefined ? [] : [["Begun", turns.begun] as const]),
  ...(turns?.ended === undefined ? [] : [["Ended", turns.ended] as const]),
];

const byText = ({ actor, onBehalfOf }: AuditEntry): string =>
  onBehalfOf === undefined ? actor : `${actor} for ${onBehalfOf}`;

/** In words, for a ticket: with the user's id, because names are no names for ever. */
function sentenceOf({ info, people, at, turns }: Answer, zone: string): string {
  const { address, status, userId, kind, since, until } = info;
  const when =
    at === undefined ? `as of ${momentText(new Date().toISOString(), zone)}` : `at ${momentText(at, zone)}`;
  const who = userId === null ? "nobody" : `${nameOf(people, userId)} (user ${userId})`;
  const as = kind === null ? "" : ` as ${kind}`;
  const from = since === null ? "" : `, since ${momentText(since, zone)}`;
  const to = until === null ? "" : `, until ${momentText(until, zone)}`;
  const changes = changesOf(turns).map(
    ([what, entry]) => ` ${what} by ${byText(entry)} (request ${entry.correlationId}).`,
  );
  return `${address} ${when}: ${status}, held by ${who}${as}${from}${to}.${changes.join("")}`;
}

function Verdict({
  info,
  people,
  at,
}: {
  readonly info: AddressInfo;
  readonly people: People;
  readonly at?: string | undefined;
}): VNode {
  const { status, userId, kind, since, until } = info;
  const isPast = at !== undefined;
  const holder = html`<${UserLink} id=${userId} name=${userId === null ? undefined : people.get(userId)?.displayName} />`;
  const term = until === null ? null : html` until <${Moment} at=${until} isTerm />`;
  const from = since === null ? null : html`, since <${Moment} at=${since} />`;
  switch (status) {
    case "active":
      return html`${holder} ${isPast ? "had" : "has"} it as ${kind}${from}${isPast && term !== null ? html`,${term}` : null}.`;
    case "deleted":
      return html`Kept for ${holder}, who was deleted${from}. A restore gets it back${term}.`;
    case "quarantined":
      return html`Nobody has it; ${holder} had it last. Quarantined${term}, then anyone may take it.`;
    case "reserved":
      return html`Promised to a write that is under way${term}.`;
    case "blocked":
      return html`Blocked: nobody can have it, ever.`;
    case "available":
      return isPast ? html`Nobody had it.` : html`Nobody has it: anyone may take it.`;
  }
}

function Answered(answer: Answer): VNode {
  const { info, people, at, turns } = answer;
  const zone = zoneOf(useSettings());
  return html`<section class="verdict" aria-label=${at === undefined ? "Now" : "At the time"}>
    <p class="when">${at === undefined ? "Now" : html`At <${Moment} at=${at} />`} <${Mark} state=${info.status} /></p>
    <p class="says"><${Verdict} info=${info} people=${people} at=${at} /></p>
    ${changesOf(turns).map(
      ([what, entry]) =>
        html`<p>${what} by <strong><${By} of=${entry} /></strong>, request <${RequestLink} id=${entry.correlationId} /></p>`,
    )}
    <p class="actions"><${Copy} text=${sentenceOf(answer, zone)} label="Copy as a sentence for the ticket" /></p>
  </section>`;
}

const historyMax = 200;

function Life({
  history,
  at,
  people,
  entries: { entriesOf, problem },
}: {
  readonly history: Resource<AddressHistoryPage>;
  readonly at: string | undefined;
  readonly people: People;
  readonly entries: EntriesParts;
}): VNode {
  return html`${problem === undefined ? null : html`<${Missing} what="Who changed it" why=${problem.message} />`}
    <${Loaded} of=${history} what="the past of the address">${(page: AddressHistoryPage) => {
      if (page.items.length === 0)
        return html`<${Empty} title="Nobody ever had it">Or it was longer ago than is kept.</${Empty}>`;
      const lanes = lanesOf(page.items, (userId) => people.get(userId)?.restorableUntil);
      return html`<${Lanes} lanes=${lanes} atMs=${at === undefined ? undefined : Date.parse(at)} nameOf=${(userId: string | null) => (userId === null ? "somebody who was erased" : nameOf(people, userId))} />
      <${AddressHistoryTable} entries=${page.items} people=${people} entriesOf=${entriesOf} at=${at} />
      ${page.nextCursor === null ? null : html`<p class="quiet">The newest ${historyMax} entries; there are older ones.</p>`}`;
    }}</${Loaded}>`;
}

const pathOf = (id: string): string => `/smtp/${encodeURIComponent(id)}`;

export function AddressPage({ id }: { readonly id: string }): VNode {
  const { query } = useHere();
  const mayPast = useMay("addresses:history");
  const at = query.at !== undefined && !Number.isNaN(Date.parse(query.at)) ? query.at : undefined;
  const mayLook = useMay("addresses:read");
  const now = useResource<AddressInfo>(mayLook ? pathOf(id) : undefined);
  const then = useResource<AddressInfo>(
    at === undefined || !mayPast ? undefined : `${pathOf(id)}${queryText({ at })}`,
  );
  const history = useResource<AddressHistoryPage>(
    mayPast ? `${pathOf(id)}/history${queryText({ limit: historyMax })}` : undefined,
  );
  const released = (): void => {
    now.refresh();
    history.refresh();
  };
  const rows = history.data?.items ?? [];
  const ids = [now.data?.userId, then.data?.userId, ...rows.map(({ userId }) => userId)];
  const { people, problem } = usePeople([...new Set(ids.filter((each) => typeof each === "string"))]);
  const entries = useEntries(rows.flatMap(({ userId }) => userId ?? []));
  const turnsAt = (atMs: number): Turns | undefined => {
    const row = rows.find((each) => isAt(each, atMs));
    return row && turnsOf(row, entries.entriesOf);
  };
  return html`<${Page} title="Address" heading=${html`<span class="address">${addressText(id)}</span>`}>
    ${
      at === undefined
        ? null
        : html`<${Loaded} of=${then} what="who had it">${(info: AddressInfo) => html`<${Answered} info=${info} people=${people} at=${at} turns=${turnsAt(Date.parse(at))} />`}</${Loaded}>`
    }
    ${problem === undefined ? null : html`<${Missing} what="Names" why=${problem.message} />`}
    <${ForScope} scope="addresses:read" what="Looking at an address">
      <${Loaded} of=${now} what="who has it">${(
        info: AddressInfo,
      ) => html`<${Answered} info=${info} people=${people} turns=${turnsAt(Date.now())} />
        <${Release} info=${info} onDone=${released} />`}</${Loaded}>
    </${ForScope}>
    ${
      now.problem?.status === 422
        ? null
        : html`<h2>Its life</h2>
    <${ForScope} scope="addresses:history" what="Who had it">
      <${AtPicker} at=${at} />
      <${Life} history=${history} at=${at} people=${people} entries=${entries} />
    </${ForScope}>`
    }
  </${Page}>`;
}
