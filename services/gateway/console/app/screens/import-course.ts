/** How far an import is and what became of its rows. */
import type { VNode } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { type Content, html } from "../core/html.ts";
import type { ImportCourse, RefusedRow } from "../core/import-work.ts";
import { hrefOf } from "../core/routes.ts";
import { useMay } from "../core/session.ts";
import { speak } from "../core/speech.ts";
import { RequestLink, UserLink } from "../parts/links.ts";
import { Mark } from "../parts/mark.ts";
import { type Column, Table } from "../parts/table.ts";

export const countText = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

const phases = {
  reading: ["Looking through the file", "rows found"],
  checking: ["Asking what would become of each row", "rows asked about"],
  importing: ["Importing", "rows done"],
} as const;
const quarters = 4;

/** What the live region says: each quarter, and the end. Not each row. */
function useMilestones(course: ImportCourse): void {
  const quarter = useRef(0);
  const { phase, state, rows, survey } = course;
  const total = phase === "reading" ? 0 : (survey?.rows ?? 0);
  const reached = total === 0 ? 0 : Math.floor((quarters * rows) / total);
  const [doing] = phases[phase];
  useEffect(() => {
    quarter.current = 0;
    if (state === "running") speak(doing);
  }, [phase]);
  useEffect(() => {
    if (state !== "running" || reached <= quarter.current || reached === quarters) return;
    quarter.current = reached;
    speak(`${reached * 25} %: ${rows} of ${total} rows`);
  }, [reached, state]);
  useEffect(() => {
    const end = { done: "Done", stopped: "Stopped", failed: "It went wrong" };
    if (state !== "running")
      speak(`${end[state]}: ${countText(rows, "row")}, ${course.counts.refused} refused`);
  }, [state]);
}

export function ImportProgress({
  course,
  onStop,
}: {
  readonly course: ImportCourse;
  readonly onStop: () => void;
}): VNode {
  useMilestones(course);
  const { phase, rows, survey, counts, delayed } = course;
  const [doing, noun] = phases[phase];
  const total = survey?.rows;
  const share = total === undefined || total === 0 ? undefined : Math.floor((100 * rows) / total);
  return html`<section class="verdict" aria-label=${doing}>
    <p class="says">${doing}</p>
    <progress max=${Math.max(1, total ?? 1)} value=${total === undefined ? undefined : rows} aria-label=${noun}></progress>
    <p>${rows}${total === undefined ? "" : ` of ${total}`} ${noun}${share === undefined ? "" : `, ${share} %`}${phase === "reading" ? "" : ` · ${counts.refused} refused`}</p>
    ${delayed === 0 ? null : html`<p class="quiet">${countText(delayed, "request")} had to be asked again: the gateway lets through so many a minute, or was away. It goes on by itself.</p>`}
    <p class="quiet">${phase === "importing" ? "Stay on this page: leaving stops it. What is done stays done, and the same file goes on from there." : "Nothing is written yet."}</p>
    <p class="actions"><button type="button" onClick=${onStop}>Stop</button></p>
  </section>`;
}

type Outcome = keyof ImportCourse["counts"];
const outcomes: Readonly<Record<Outcome, readonly [state: string, wouldBe: string, was: string]>> = {
  created: ["done", "A user would be made", "A user was made"],
  changed: ["done", "A user would become as the file says", "A user became as the file says"],
  unchanged: [
    "available",
    "Is there exactly so; nothing to write",
    "Was there exactly so; nothing was written",
  ],
  suffixed: [
    "partial",
    "A user would be made, with a number in the address",
    "A user was made, with a number in the address",
  ],
  refused: ["refused", "Would not be written", "Was not written"],
};

function Counts({ course }: { readonly course: ImportCourse }): VNode {
  const isDry = course.phase !== "importing";
  const columns: readonly Column<Outcome>[] = [
    { name: "Outcome", cell: (outcome) => html`<${Mark} state=${outcomes[outcome][0]} word=${outcome} />` },
    { name: "Rows", isNumber: true, cell: (outcome) => String(course.counts[outcome]) },
    { name: "Means", cell: (outcome) => outcomes[outcome][isDry ? 1 : 2] },
  ];
  const rows = Object.keys(course.counts) as Outcome[];
  return html`<${Table} caption="Rows by what ${isDry ? "would become" : "became"} of them" columns=${columns} rows=${rows} keyOf=${(outcome: Outcome) => outcome} />`;
}

const userId = /\b([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b/;

/** The user whom a reason names leads to their page. */
const withUserLinks = (reason: string): Content =>
  reason.split(userId).map((part, index) => (index % 2 === 1 ? html`<${UserLink} id=${part} />` : part));

const refusedColumns: readonly Column<RefusedRow>[] = [
  { name: "Line", isNumber: true, cell: ({ line }) => String(line) },
  { name: "Address", cell: ({ primarySmtp }) => html`<span class="address">${primarySmtp || "–"}</span>` },
  { name: "Reason", cell: ({ reason }) => withUserLinks(reason) },
];

function useUrlOf(blob: Blob | undefined): string | undefined {
  const url = useMemo(() => (blob === undefined ? undefined : URL.createObjectURL(blob)), [blob]);
  useEffect(() => () => void (url !== undefined && URL.revokeObjectURL(url)), [url]);
  return url;
}

function Refusals({
  course,
  fileName,
}: {
  readonly course: ImportCourse;
  readonly fileName: string;
}): VNode | null {
  const url = useUrlOf(course.rejected);
  const { refused, counts } = course;
  if (counts.refused === 0) return null;
  const name = `${fileName}.rejected.csv`;
  return html`<section aria-label="Refused rows">
    <h2>${countText(counts.refused, "refused row")}</h2>
    ${url === undefined ? null : html`<p class="actions"><a class="button" href=${url} download=${name}>Save ${countText(counts.refused, "refused row")}: ${name}</a> <span class="quiet">Each as it was, with its reason. Mend them there and import that file.</span></p>`}
    ${refused.length < counts.refused ? html`<p class="quiet">The first ${refused.length} of ${counts.refused}:</p>` : null}
    <${Table} caption="Rows that are refused" columns=${refusedColumns} rows=${refused} keyOf=${({ line }: RefusedRow) => String(line)} />
  </section>`;
}

/** Where the writes of an import can be looked at. */
function Written({ course }: { readonly course: ImportCourse }): VNode | null {
  const mayAudit = useMay("audit:read");
  const { phase, counts, correlationId } = course;
  if (phase !== "importing" || counts.created + counts.changed + counts.suffixed === 0) return null;
  return html`<p>What was written has the correlation id <code>${correlationId}</code>: <${RequestLink} id=${correlationId} />
    ${mayAudit ? html` · <a href=${hrefOf("audit", "", { correlationId })}>its entries in the audit log</a>` : null}</p>`;
}

const endings = {
  done: ["good", "✓"],
  running: ["warn", "…"],
  stopped: ["warn", "▲"],
  failed: ["bad", "✕"],
} as const;

function endText({ phase, state, rows, survey, fault, counts }: ImportCourse): string {
  const total = survey === undefined ? "" : ` of ${survey.rows}`;
  if (state === "failed") return fault ?? "It went wrong";
  if (state === "stopped")
    return `Stopped after ${rows}${total} rows. ${phase === "importing" ? "What is done stays done; the same file goes on from there." : "Nothing was written."}`;
  if (phase === "importing") return `${countText(rows, "row")} of ${survey?.format ?? "the file"} done`;
  const refused = counts.refused === 0 ? "" : `${countText(counts.refused, "row")} would be refused. `;
  return `${refused}${countText(rows, "row")} of ${survey?.format ?? "the file"} looked at; nothing is written yet`;
}

export function ImportResult({
  course,
  fileName,
}: {
  readonly course: ImportCourse;
  readonly fileName: string;
}): VNode {
  useMilestones(course);
  const { state, phase, passedOver, rows } = course;
  const hasRefusals = state === "done" && phase === "checking" && course.counts.refused > 0;
  const [tone, sign] = endings[hasRefusals ? "stopped" : state];
  return html`<div class=${`note ${tone}`} role=${state === "failed" ? "alert" : "status"}>
      <p><span aria-hidden="true">${sign}</span> ${endText(course)}</p>
      ${state === "failed" && phase === "importing" ? html`<p>${countText(rows, "row")} were done before. The same file goes on from there.</p>` : null}
      <${Written} course=${course} />
    </div>
    ${rows === 0 && state !== "done" ? null : html`<${Counts} course=${course} />`}
    ${passedOver === 0 ? null : html`<p class="quiet">${passedOver} more were passed over: deleted users, or entries without an address.</p>`}
    <${Refusals} course=${course} fileName=${fileName} />`;
}
