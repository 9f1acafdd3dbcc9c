/** What became of a request: the verdict first, its next action beside it, and the way of each write as a ladder. */
import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Trace, TracedWrite, TraceVerdict } from "../../../../contracts/trace.ts";
import { html } from "../core/html.ts";
import { isFolded } from "../core/ladder.ts";
import { useResource } from "../core/resource.ts";
import { useHere } from "../core/router.ts";
import { hrefOf, queryText } from "../core/routes.ts";
import { useMay } from "../core/session.ts";
import { speak } from "../core/speech.ts";
import { spanText } from "../core/times.ts";
import { Copy } from "../parts/copy.ts";
import { traceRhythm } from "../parts/course.ts";
import { LadderOf } from "../parts/ladder.ts";
import { UserLink } from "../parts/links.ts";
import { Mark } from "../parts/mark.ts";
import { Page } from "../parts/page.ts";
import { Pager } from "../parts/pager.ts";
import { Empty, ForScope, Loaded, Missing } from "../parts/states.ts";
import { VerdictAction } from "./verdict-action.ts";

const summaryOver = 20;

function Verdict({
  verdict,
  children,
}: {
  readonly verdict: TraceVerdict;
  readonly children?: unknown;
}): VNode {
  const { state, at, sinceS, says } = verdict;
  return html`<section class="verdict" aria-label="Verdict">
    <p class="when"><${Mark} state=${state} />${at === null ? null : html` at <strong>${at}</strong>`}${sinceS === null ? null : ` · ${spanText(sinceS)}`}</p>
    <p class="says">${says[0]?.toUpperCase()}${says.slice(1)}.</p>
    ${children}
  </section>`;
}

function Counts({
  counts,
  total,
}: {
  readonly counts: NonNullable<Trace["counts"]>;
  readonly total: number;
}): VNode {
  const some = Object.entries(counts).filter(([, count]) => count > 0);
  return html`<p>${total} writes: ${some.map(([state, count]) => html`<${Mark} state=${state} word=${`${count} ${state}`} /> `)}</p>`;
}

function Write({
  write,
  writes,
  onDone,
}: {
  readonly write: TracedWrite;
  readonly writes: number;
  readonly onDone: () => void;
}): VNode {
  const { verdict, transaction, request } = write;
  const head = html`<${Mark} state=${verdict.state} /> ${request.did} ${transaction === null ? "" : html`· user <${UserLink} id=${transaction.userId} /> ${transaction.version === null ? "" : `v${transaction.version}`}`}`;
  const body = html`<${LadderOf} write=${write} />`;
  if (isFolded(write, writes))
    return html`<details class="write"><summary>${head}</summary>${body}</details>`;
  if (writes === 1) return body;
  return html`<section class="write"><h3>${head}</h3>
    <p>${verdict.says}</p>
    <${VerdictAction} verdict=${verdict} write=${write} onDone=${onDone} />
    ${body}</section>`;
}

const nobodyWrote = (id: string): VNode =>
  html`<${Empty} title="Nothing was written under this id">
    A read, a refusal, or longer ago than traces are kept. <a href=${hrefOf("audit", "", { correlationId: id })}>The audit log</a> keeps what was changed.
  </${Empty}>`;

/** What the whole verdict is about. */
const writeOf = ({ writes, verdict }: Trace): TracedWrite | undefined =>
  writes.find(({ verdict: own }) => own.state === verdict.state && own.says === verdict.says);

function Traced({ trace, onDone }: { readonly trace: Trace; readonly onDone: () => void }): VNode {
  const { verdict, writes, total, counts, unseen, letters, replays, nextCursor } = trace;
  const about = writeOf(trace);
  return html`<${Verdict} verdict=${verdict}>
      <${VerdictAction} verdict=${verdict} write=${about} onDone=${onDone} />
    </${Verdict}>
    ${unseen.map(({ service, reason }) => html`<${Missing} what=${`What ${service} knows`} why=${reason} />`)}
    ${counts !== null && total !== null && total > summaryOver ? html`<${Counts} counts=${counts} total=${total} />` : null}
    <p class="quiet">Writes on this page: ${writes.length}${total === null ? "" : ` of ${total}`}${unseen.length === 0 ? "" : ` · could not be asked: ${unseen.map(({ service }) => service).join(", ")}`}</p>
    ${writes.map((write) => html`<${Write} key=${write.transaction?.eventId ?? write.request.did} write=${write} writes=${writes.length} onDone=${onDone} />`)}
    ${replays.map(({ action, of, times }) => html`<p>${action}: answered ${times} times from the stored answer of ${of === null ? "another request" : html`<a href=${hrefOf("trace", of)}>request ${of}</a>`}.</p>`)}
    ${letters.length === 0 ? null : html`<h2>Other dead letters</h2><ul>${letters.map(({ id, queue, reason, status }) => html`<li><a href=${hrefOf("letter", id)}>${queue}</a> <${Mark} state=${status} /> ${reason}</li>`)}</ul>`}
    <${Pager} next=${nextCursor} />`;
}

export function TracePage({ id }: { readonly id: string }): VNode {
  const { query } = useHere();
  const mayTrace = useMay("trace:read");
  const trace = useResource<Trace>(
    mayTrace ? `/trace/${encodeURIComponent(id)}${queryText({ cursor: query.cursor })}` : undefined,
    query.cursor === undefined ? traceRhythm : undefined,
  );
  const state = trace.data?.verdict.state;
  const before = useRef(state);
  useEffect(() => {
    // Changes alone are spoken, not each look.
    if (before.current !== undefined && state !== undefined && before.current !== state)
      speak(`Verdict: ${state}`);
    before.current = state;
  }, [state]);
  const isBad = state === "stuck" || state === "diverged";
  return html`<${Page} title="Request" alarm=${isBad ? state : undefined}>
    <p>Correlation id <${Copy} text=${id} label="Copy" shown /></p>
    <${ForScope} scope="trace:read" what="The way of a request">
      <${Loaded} of=${trace} what="the way of the request" none=${nobodyWrote(id)}>${(data: Trace) => html`<${Traced} trace=${data} onDone=${trace.refresh} />`}</${Loaded}>
    </${ForScope}>
  </${Page}>`;
}
