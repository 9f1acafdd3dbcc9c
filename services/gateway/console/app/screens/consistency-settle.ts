/** What is asked before users are repaired or differences are accepted. */
import type { VNode } from "preact";
import type { ConsistencyCheck } from "../../../../contracts/reconciliation.ts";
import { html } from "../core/html.ts";
import type { Pass } from "../core/passes.ts";
import { Confirm } from "../parts/confirm.ts";

export type Settle =
  | { readonly kind: "repair"; readonly userIds: readonly string[]; readonly count?: undefined }
  | { readonly kind: "repair"; readonly userIds: undefined; readonly count: number }
  | { readonly kind: "acknowledge"; readonly userIds: readonly string[]; readonly check: ConsistencyCheck };

/** Those that no repair ends. */
const acknowledged: readonly ConsistencyCheck[] = [
  "registry_orphan",
  "audit_missing",
  "audit_doubled",
  "audit_orphan",
];
export const isAcknowledgeable = (check: ConsistencyCheck): boolean => acknowledged.includes(check);

interface AskProps {
  readonly of: Settle;
  readonly pass: Pass;
  readonly onClose: () => void;
}

export function AskSettle({ of, pass, onClose }: AskProps): VNode {
  if (of.kind === "acknowledge")
    return html`<${Confirm} title="Acknowledge a difference" act="Acknowledge 1 difference" reason="needed" typed="1" isFinal onClose=${onClose}
      onAct=${(reason: string) => void pass.acknowledge(of.userIds, of.check, reason)}>
      <p>Nothing can mend <code>${of.check}</code>. Accepted, it is counted nowhere else; who did it and why stays.</p>
    </${Confirm}>`;
  const what = of.userIds === undefined ? "all that differ" : "1 user";
  return html`<${Confirm} title="Repair" act=${`Repair ${what}`} onClose=${onClose}
    onAct=${() => void pass.repair(of.userIds)}>
    <p>The state of ${what} is told again under a newer version, so that registry and audit log follow: right from here on. ${of.userIds === undefined ? `The last pass found ${of.count} violations; it looks again before.` : ""}</p>
  </${Confirm}>`;
}
