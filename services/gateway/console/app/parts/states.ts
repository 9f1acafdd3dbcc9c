/**
 * How a page is while it has nothing, not yet, not all or not any more to show: the same everywhere.
 *
 * Loading: nothing for 300 ms, then a skeleton. Empty says why. A problem tells title, detail and the id of its request.
 * What is old says of when it is, in the title of the tab too, once it could not be read three times or is not tried again. What a role may not do is one line.
 */
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Scope } from "../../../../contracts/access.ts";
import type { ProblemAnswer } from "../core/api.ts";
import { useClock } from "../core/clock.ts";
import { type Content, html } from "../core/html.ts";
import type { Resource } from "../core/resource.ts";
import { hrefOf } from "../core/routes.ts";
import { useMay, useSession } from "../core/session.ts";
import { useSettings, zoneOf } from "../core/settings.ts";
import { stalePlaces } from "../core/stale.ts";
import { momentText } from "../core/times.ts";
import { Copy } from "./copy.ts";

const patienceMs = 300;

export function Loading({ what }: { readonly what: string }): VNode {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), patienceMs);
    return () => clearTimeout(timer);
  }, []);
  if (!isLate) return html`<div aria-busy="true"></div>`;
  return html`<div class="skeleton" role="status" aria-busy="true">
    <span class="unseen">Loading ${what}</span>
    <i></i><i></i><i></i>
  </div>`;
}

export const Empty = ({ title, children }: { readonly title: string; readonly children?: Content }): VNode =>
  html`<div class="empty">
    <p class="strong">${title}</p>
    ${children === undefined ? null : html`<p>${children}</p>`}
  </div>`;

/** Counts down to a moment. It stands in no live region: each second would be read. */
function Countdown({ untilMs }: { readonly untilMs: number }): VNode {
  const now = useClock(1_000);
  const seconds = Math.max(0, Math.ceil((untilMs - now) / 1_000));
  return html`<span>${seconds === 0 ? "now" : `in ${seconds} s`}</span>`;
}

interface FaultProps {
  readonly problem: ProblemAnswer;
  readonly retryAtMs?: number | undefined;
  readonly again?: (() => void) | undefined;
  /** Of a write: it is repeated under the key that it had. */
  readonly isWrite?: boolean;
}

function titleOf({ status, body }: ProblemAnswer): string {
  if (status === 429) return "Too many requests";
  const { title = "Something went wrong", errors = [] } = body;
  const isBlocked = errors.length > 0 && errors.every(({ conflict }) => conflict?.status === "blocked");
  return isBlocked ? "Nobody can have this address" : title;
}

function Conflicts({ problem }: { readonly problem: ProblemAnswer }): VNode | null {
  const { errors = [] } = problem.body;
  if (errors.length === 0) return null;
  return html`<ul>
    ${errors.map(({ pointer, parameter, detail, conflict }) => {
      const place = parameter ?? pointer?.replace(/^#\//, "");
      const holder = conflict?.userId;
      return html`<li>
        ${place ? html`<code>${place}</code> ` : null}${detail}
        ${
          conflict !== undefined && "address" in conflict
            ? html` · <a href=${hrefOf("address", conflict.address)}>look at the address</a>`
            : null
        }
        ${holder ? html` · <a href=${hrefOf("user", holder)}>who has it</a>` : null}
      </li>`;
    })}
  </ul>`;
}

/** A request that was refused or failed. */
export function FaultNote({ problem, retryAtMs, again, isWrite = false }: FaultProps): VNode {
  const { correlationId } = problem.body;
  return html`<div class="note bad">
    <div role="alert">
      <p class="strong"><span aria-hidden="true">✕</span> ${titleOf(problem)}</p>
      <p>${problem.message}</p>
      <${Conflicts} problem=${problem} />
    </div>
    ${
      retryAtMs === undefined
        ? null
        : html`<p>Tried again by itself <${Countdown} untilMs=${retryAtMs} />${isWrite ? ", under the same key" : ""}.</p>`
    }
    <p class="actions">
      ${again === undefined ? null : html`<button type="button" onClick=${again}>Try again</button>`}
      ${correlationId === undefined ? null : html`<${Copy} text=${correlationId} label="Copy the id of this request" />`}
    </p>
  </div>`;
}

/** What has no answer from one service is named where its data would stand. */
export const Missing = ({ what, why }: { readonly what: string; readonly why: string }): VNode =>
  html`<p class="note warn"><span aria-hidden="true">?</span> ${what} can't be shown now: ${why}</p>`;

const because = (roles: readonly string[]): string =>
  roles.length === 0 ? "you have no role" : `you are ${roles.join(", ")}`;

/** One line in place of what the role has no right to. */
export function Refused({ what, scope }: { readonly what: string; readonly scope: Scope }): VNode {
  const { roles } = useSession();
  return html`<p class="quiet refused">
    <span aria-hidden="true">⊘</span> ${what} needs the scope <code>${scope}</code>; ${because(roles)}.
  </p>`;
}

/** The children for whoever may; for others the line. */
export function ForScope(props: {
  readonly scope: Scope;
  readonly what: string;
  readonly children: Content;
}) {
  return useMay(props.scope)
    ? html`${props.children}`
    : html`<${Refused} what=${props.what} scope=${props.scope} />`;
}

/** Looks in a row that may fail before what is shown counts as old. */
const staleMisses = 3;

/** Old data that could not be read again. */
export function Stale({ of }: { readonly of: Resource<unknown> }): VNode | null {
  const zone = zoneOf(useSettings());
  const isStale =
    of.data !== undefined &&
    of.problem !== undefined &&
    (of.misses >= staleMisses || of.retryAtMs === undefined);
  useEffect(() => {
    if (!isStale) return;
    stalePlaces.set(stalePlaces.get() + 1);
    return () => stalePlaces.set(stalePlaces.get() - 1);
  }, [isStale]);
  if (!isStale || of.problem === undefined || of.asOfMs === undefined) return null;
  const at = momentText(new Date(of.asOfMs).toISOString(), zone);
  return html`<div class="note warn">
    <p><span role="status"><span aria-hidden="true">◷</span> As of ${at}: can't refresh (${titleOf(of.problem)}).</span>
      ${of.retryAtMs === undefined ? null : html` Tried again <${Countdown} untilMs=${of.retryAtMs} />.`}
      ${" "}<button type="button" class="small" onClick=${of.refresh}>Refresh</button></p>
  </div>`;
}

interface LoadedProps<T> {
  readonly of: Resource<T>;
  readonly what: string;
  /** Of a 404, which is an answer. */
  readonly none?: VNode;
  readonly children: (data: T) => Content;
}

export function Loaded<T>({ of, what, none, children }: LoadedProps<T>): VNode | null {
  if (of.data !== undefined) return html`<${Stale} of=${of} />${children(of.data)}`;
  const { problem } = of;
  if (problem?.status === 404 && none !== undefined) return none;
  if (problem !== undefined)
    return html`<${FaultNote} problem=${problem} retryAtMs=${of.retryAtMs} again=${of.refresh} />`;
  return of.isLoading ? html`<${Loading} what=${what} />` : null;
}
