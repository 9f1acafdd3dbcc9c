/** What becomes of a write: sent, waiting for its repeat, done with its own way, or refused; on the page it was wanted on. */
import type { VNode } from "preact";
import type { Trace } from "../../../../contracts/trace.ts";
import { type Content, html } from "../core/html.ts";
import type { Intent } from "../core/intent.ts";
import { useResource } from "../core/resource.ts";
import { hrefOf } from "../core/routes.ts";
import { useMay } from "../core/session.ts";
import { Mark } from "./mark.ts";
import { FaultNote } from "./states.ts";

const quickMs = 1_000;
const slowMs = 5_000;

/** How the way of a request is watched: until it is complete. */
export function traceRhythm(trace: Trace | undefined): number | undefined {
  if (trace === undefined || trace.verdict.state === "in flight") return quickMs;
  return trace.verdict.state === "complete" || trace.verdict.state === "diverged" ? undefined : slowMs;
}

function Way({ id }: { readonly id: string }): VNode | null {
  const mayTrace = useMay("trace:read");
  const trace = useResource<Trace>(
    mayTrace ? `/trace/${encodeURIComponent(id)}?limit=1` : undefined,
    traceRhythm,
  );
  if (trace.data === undefined) return null;
  const { state } = trace.data.verdict;
  return html` <span class="quiet">Its way: <${Mark} state=${state} word=${state === "in flight" ? "under way" : state} /> · <a href=${hrefOf("trace", id)}>see each step</a></span>`;
}

export function Course({ of, done }: { readonly of: Intent<unknown>; readonly done: Content }): VNode | null {
  const { state, problem, retryAtMs, answer } = of;
  if (state === "sending")
    return html`<p class="note" role="status"><span aria-hidden="true">…</span> Sent, waiting for the answer</p>`;
  if (problem !== undefined) return html`<${FaultNote} problem=${problem} retryAtMs=${retryAtMs} isWrite />`;
  if (state !== "done") return null;
  const id = answer?.correlationId;
  return html`<div class="note good signed" role="status">
    <span aria-hidden="true">✓</span><div>${done}${typeof id === "string" ? html`<${Way} id=${id} />` : null}</div>
  </div>`;
}
