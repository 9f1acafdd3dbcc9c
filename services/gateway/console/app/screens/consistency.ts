/** Whether users, registry and audit log agree, and what to do where they do not. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type {
  AcknowledgedDifference,
  ConsistencyCheck,
  Difference,
  ReconcileReport,
} from "../../../../contracts/reconciliation.ts";
import type { Reconciliation } from "../../../../contracts/reconciliations.ts";
import { html } from "../core/html.ts";
import { type Pass, passRhythm, usePass } from "../core/passes.ts";
import { useResource } from "../core/resource.ts";
import { useMay } from "../core/session.ts";
import { RequestLink, UserLink } from "../parts/links.ts";
import { Mark } from "../parts/mark.ts";
import { Moment } from "../parts/moment.ts";
import { Page } from "../parts/page.ts";
import { PassOutcome, passText, passTitle } from "../parts/pass.ts";
import { Empty, ForScope, Loaded } from "../parts/states.ts";
import { type Column, Table } from "../parts/table.ts";
import { AskSettle, isAcknowledgeable, type Settle } from "./consistency-settle.ts";

const checkTexts: Readonly<Record<ConsistencyCheck, string>> = {
  registry_missing: "the registry does not have the user",
  registry_behind: "the registry is behind",
  registry_ahead: "the registry is ahead of users",
  registry_addresses_differ: "the registry holds other addresses",
  registry_orphan: "the registry has a user whom users does not know",
  audit_missing: "the audit log lacks versions",
  audit_ahead: "the audit log is ahead of users",
  audit_doubled: "the audit log has a version twice",
  audit_orphan: "the audit log tells of a user whom users does not know",
};

const differenceColumns: readonly Column<Difference>[] = [
  { name: "User", cell: ({ userId }) => html`<${UserLink} id=${userId} />` },
  {
    name: "What differs",
    cell: ({ check, gap }) =>
      html`${checkTexts[check]} <code>${check}</code>${gap === null ? null : html`<br /><span class="quiet">${gap}</span>`}`,
  },
  { name: "In users", isNumber: true, cell: ({ version }) => (version === null ? "none" : `v${version}`) },
  { name: "There", isNumber: true, cell: ({ found }) => (found === null ? "none" : String(found)) },
  {
    name: "Dead letter",
    cell: ({ deadLetter }) =>
      deadLetter ? html`<${Mark} state="pending" word="one waits" />` : html`<span class="quiet">none</span>`,
  },
];

const acknowledgedColumns: readonly Column<AcknowledgedDifference>[] = [
  ...(differenceColumns as readonly Column<AcknowledgedDifference>[]).slice(0, 2),
  {
    name: "Accepted by",
    cell: ({ acknowledged }) => html`${acknowledged.by} <${Moment} at=${acknowledged.at} />`,
  },
  { name: "Reason", cell: ({ acknowledged }) => acknowledged.reason },
  { name: "Request", cell: ({ acknowledged }) => html`<${RequestLink} id=${acknowledged.correlationId} />` },
];
const keyOf = ({ userId, check }: Difference): string => `${userId} ${check}`;

function Found({ report, pass }: { readonly report: ReconcileReport; readonly pass: Pass }): VNode {
  const mayWrite = useMay("reconciliation:write");
  const [asked, setAsked] = useState<Settle | undefined>(undefined);
  const { differences, pending, acknowledged, violations } = report;
  const total = Object.values(violations).reduce((sum, count) => sum + count, 0);
  const repaired = differences.filter(({ check }) => check !== "audit_doubled" && !check.endsWith("orphan"));
  const columns: readonly Column<Difference>[] = [
    ...differenceColumns,
    ...(mayWrite
      ? [
          {
            name: "Actions",
            cell: (
              row: Difference,
            ) => html`<button type="button" class="small" onClick=${() => setAsked({ kind: "repair", userIds: [row.userId] })}>Repair…<span class="unseen"> user ${row.userId}</span></button>
            ${isAcknowledgeable(row.check) ? html` <button type="button" class="small" onClick=${() => setAsked({ kind: "acknowledge", userIds: [row.userId], check: row.check })}>Acknowledge…<span class="unseen"> user ${row.userId}</span></button>` : null}`,
          },
        ]
      : []),
  ];
  return html`${
    total === 0
      ? html`<${Empty} title="They agree">Every user has the same version and the same addresses in users and in the registry, and each version once in the audit log.</${Empty}>`
      : html`<ul>${Object.entries(violations).map(([check, count]) => html`<li><strong>${count}</strong>: ${checkTexts[check as ConsistencyCheck]} <code>${check}</code></li>`)}</ul>
        ${mayWrite && repaired.length > 0 ? html`<p class="actions"><button type="button" onClick=${() => setAsked({ kind: "repair", userIds: undefined, count: total })}>Repair all that differ…</button></p>` : null}
        <${Table} caption="Differences, the first of them" columns=${columns} rows=${differences} keyOf=${keyOf} />`
  }
    ${pending.count === 0 ? null : html`<h2>May still end by themselves: ${pending.count}</h2><p class="quiet">The consumer's queue held messages at every look.</p><${Table} caption="Pending differences" columns=${differenceColumns} rows=${pending.differences} keyOf=${keyOf} />`}
    ${acknowledged.count === 0 ? null : html`<h2>Accepted: ${acknowledged.count}</h2><${Table} caption="Acknowledged differences" columns=${acknowledgedColumns} rows=${acknowledged.differences} keyOf=${keyOf} />`}
    ${asked === undefined ? null : html`<${AskSettle} of=${asked} pass=${pass} onClose=${() => setAsked(undefined)} />`}`;
}

function Last({ of, pass }: { readonly of: Reconciliation; readonly pass: Pass }): VNode {
  const { status, startedAt, startedBy, endedAt, error, report, correlationId } = of;
  return html`<section class="verdict" aria-label="The last reconciliation">
      <p class="when"><${Mark} state=${status} word=${passTitle(of)} /></p>
      <p class="says">${error ?? (report === null ? (status === "running" ? "It looks at every user." : `${passText(of)}. Compare again to see what is left.`) : html`${report.checked} users checked · ${Object.values(report.violations).reduce((sum, count) => sum + count, 0)} violations · ${report.pending.count} pending · ${report.acknowledged.count} acknowledged · ${report.inFlight} under way`)}</p>
      <p class="quiet">Begun by ${startedBy} <${Moment} at=${startedAt} />${endedAt === null ? null : html`, ended <${Moment} at=${endedAt} />`} · <${RequestLink} id=${correlationId} /></p>
    </section>
    ${report === null ? null : html`<${Found} report=${report} pass=${pass} />`}`;
}

export function Consistency(): VNode {
  const mayRead = useMay("reconciliation:read");
  const latest = useResource<Reconciliation>(mayRead ? "/reconciliations/latest" : undefined, (last) =>
    last?.status === "running" ? passRhythm(last) : undefined,
  );
  const pass = usePass(latest.refresh);
  const isRunning = latest.data?.status === "running" || pass.intent.state === "sending";
  return html`<${Page} title="Consistency" heading="Do users, registry and audit log agree?">
    <${ForScope} scope="reconciliation:read" what="Looking at consistency">
      <${ForScope} scope="reconciliation:write" what="Beginning a comparison">
        <p class="actions"><button type="button" class="primary" disabled=${isRunning} onClick=${() => void pass.compare().then(latest.refresh)}>Compare now</button>
          <span class="quiet">It changes nothing.</span></p>
        <${PassOutcome} of=${pass} />
      </${ForScope}>
      <${Loaded} of=${latest} what="the last reconciliation" none=${html`<${Empty} title="There was none yet">Begin one, or wait for the clock's.</${Empty}>`}>${(data: Reconciliation) => html`<${Last} of=${data} pass=${pass} />`}</${Loaded}>
    </${ForScope}>
  </${Page}>`;
}
