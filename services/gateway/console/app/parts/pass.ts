/** What became of a pass that was begun on this page. */
import type { VNode } from "preact";
import type { Reconciliation } from "../../../../contracts/reconciliations.ts";
import { html } from "../core/html.ts";
import type { Pass } from "../core/passes.ts";
import { Mark } from "./mark.ts";
import { FaultNote } from "./states.ts";

const kinds = {
  pass: "comparison",
  repair: "repair",
  acknowledgement: "acknowledgement",
} as const satisfies Record<Reconciliation["kind"], string>;

/** "comparison done" */
export const passTitle = ({ kind, status }: Pick<Reconciliation, "kind" | "status">): string =>
  `${kinds[kind]} ${status}`;

export function passText({ kind, report, acknowledgement }: Reconciliation): string {
  if (acknowledgement !== null) {
    const left = acknowledgement.left.map(({ why }) => why).join(", ");
    return `${acknowledgement.acknowledged.length} acknowledged${left === "" ? "" : `; left: ${left}`}`;
  }
  if (report === null) return "";
  const violations = Object.values(report.violations).reduce((sum, count) => sum + count, 0);
  if (kind === "repair")
    return `${report.reemitted ?? 0} told again, ${report.reportedOnly ?? 0} that no event can mend`;
  return `${report.checked} checked, ${violations} violations`;
}

export function PassOutcome({ of }: { readonly of: Pass }): VNode | null {
  const { intent, begun, problem } = of;
  if (problem !== undefined) return html`<${FaultNote} problem=${problem} />`;
  if (intent.problem !== undefined)
    return html`<${FaultNote} problem=${intent.problem} retryAtMs=${intent.retryAtMs} isWrite />`;
  if (begun.data !== undefined) {
    const { status, error } = begun.data;
    return html`<div class=${`note ${status === "done" ? "good" : "warn"}`} role="status"><${Mark} state=${status} word=${passTitle(begun.data)} /> ${error ?? passText(begun.data)}</div>`;
  }
  if (begun.problem !== undefined)
    return html`<${FaultNote} problem=${begun.problem} retryAtMs=${begun.retryAtMs} />`;
  return intent.state === "sending"
    ? html`<p class="note" role="status"><span aria-hidden="true">…</span> It begins</p>`
    : null;
}
