/** What changed of one user, newest first. */
import type { VNode } from "preact";
import type { AuditPage } from "../../../../contracts/audit.ts";
import { html } from "../core/html.ts";
import { useResource } from "../core/resource.ts";
import { hrefOf, queryText } from "../core/routes.ts";
import { useMay } from "../core/session.ts";
import { EntriesTable } from "../parts/entries.ts";
import { Empty, Loaded, Refused } from "../parts/states.ts";

const pageSize = 25;

/** An entry follows its change within moments: while the newest is not there, it is looked for. */
const waitMs = 1_000;

export function UserHistory({
  id,
  version,
}: {
  readonly id: string;
  readonly version: number | undefined;
}): VNode {
  const mayAudit = useMay("audit:read");
  const isBehind = (page: AuditPage | undefined): boolean =>
    page !== undefined && version !== undefined && (page.items[0]?.version ?? 0) < version;
  const path = `/audit${queryText({ userId: id, order: "desc", limit: pageSize })}`;
  // Another version is another question, whose answer is asked for again until it is there.
  const entries = useResource<AuditPage>(
    mayAudit ? path : undefined,
    (page) => (isBehind(page) ? waitMs : undefined),
    version,
  );
  if (!mayAudit) return html`<${Refused} what="Who changed it, and when" scope="audit:read" />`;
  return html`<${Loaded} of=${entries} what="what changed">${(page: AuditPage) =>
    page.items.length === 0
      ? html`<${Empty} title="Nothing is recorded">No change of this id has reached the audit log.</${Empty}>`
      : html`${isBehind(page) ? html`<p class="quiet" role="status">The entry of version ${version} is on its way.</p>` : null}
        <${EntriesTable} entries=${page.items} caption="What changed, newest first" />
        ${page.nextCursor === null ? null : html`<p><a href=${hrefOf("audit", "", { userId: id })}>All entries</a></p>`}`}</${Loaded}>`;
}
