/**
 * Takes entries out as a file, page by page, as they are filtered on the page.
 *
 * Promise: the file is whole, or there is none: one that ends early is not saved. It is made in this tab alone.
 */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { AuditEntry, AuditPage } from "../../../../contracts/audit.ts";
import { ask, asProblem, isAbort, type ProblemAnswer } from "../core/api.ts";
import { csvOf } from "../core/csv.ts";
import { html } from "../core/html.ts";
import { queryText } from "../core/routes.ts";
import { speak } from "../core/speech.ts";
import { FaultNote } from "../parts/states.ts";

type Query = Readonly<Record<string, string | undefined>>;
const entriesMax = 50_000;
const pageSize = 200;

async function entriesOf(
  query: Query,
  signal: AbortSignal,
  told: (count: number) => void,
): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  let cursor: string | undefined;
  do {
    const { data } = await ask<AuditPage>(`/audit${queryText({ ...query, limit: pageSize, cursor })}`, {
      signal,
    });
    entries.push(...data.items);
    told(entries.length);
    cursor = data.nextCursor ?? undefined;
    if (cursor !== undefined && entries.length >= entriesMax)
      throw new Error(
        `These are more than ${entriesMax} entries: narrow them by time, or export them by npm run export`,
      );
  } while (cursor !== undefined);
  return entries;
}

const columns = [
  "at",
  "action",
  "userId",
  "version",
  "actor",
  "onBehalfOf",
  "correlationId",
  "changes",
] as const;
const formats = {
  ndjson: {
    type: "application/x-ndjson",
    text: (entries: readonly AuditEntry[]) => entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""),
  },
  csv: {
    type: "text/csv",
    text: (entries: readonly AuditEntry[]) =>
      csvOf(
        columns,
        entries.map((entry) => columns.map((name) => entry[name])),
      ),
  },
} as const;
type Format = keyof typeof formats;

/** The browser has it once the click is over. */
function saveAs(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}

export function ExportEntries({ query }: { readonly query: Query }): VNode {
  const [count, setCount] = useState<number | undefined>(undefined);
  const [problem, setProblem] = useState<ProblemAnswer | undefined>(undefined);
  const [saved, setSaved] = useState<string | undefined>(undefined);
  const abort = useRef<AbortController | undefined>(undefined);
  const of = JSON.stringify(query);
  useEffect(() => () => abort.current?.abort(), [of]);
  useEffect(() => setSaved(undefined), [of]);

  const take = async (format: Format): Promise<void> => {
    abort.current?.abort();
    abort.current = new AbortController();
    setProblem(undefined);
    setSaved(undefined);
    setCount(0);
    try {
      const entries = await entriesOf(query, abort.current.signal, setCount);
      const { type, text } = formats[format];
      const name = `audit-${new Date().toISOString().slice(0, 10)}.${format}`;
      saveAs(name, new Blob([text(entries)], { type }));
      const told = `Saved ${entries.length} ${entries.length === 1 ? "entry" : "entries"}: ${name}`;
      setSaved(told);
      speak(told);
    } catch (error) {
      if (!isAbort(error)) setProblem(asProblem(error));
    } finally {
      setCount(undefined);
    }
  };
  return html`<p class="actions">
      <button type="button" disabled=${count !== undefined} onClick=${() => void take("csv")}>Export these as CSV</button>
      <button type="button" disabled=${count !== undefined} onClick=${() => void take("ndjson")}>Export these as NDJSON</button>
      ${count === undefined ? null : html`<span role="status">${count} entries read…</span> <button type="button" onClick=${() => abort.current?.abort()}>Stop</button>`}
      ${saved === undefined ? null : html`<span class="mark good"><span aria-hidden="true">✓</span> ${saved}</span>`}
    </p>
    ${problem === undefined ? null : html`<${FaultNote} problem=${problem} />`}`;
}
