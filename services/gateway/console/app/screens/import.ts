/**
 * Brings users in from a file of another system.
 *
 * Promise: the file stays in this browser; nothing is written before it was looked through, each row was asked about, and
 * somebody has seen how many users it makes.
 */
import type { VNode } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { ProblemAnswer } from "../core/api.ts";
import { html } from "../core/html.ts";
import type { FileSurvey } from "../core/import-file.ts";
import type { ImportCourse, ImportWork } from "../core/import-work.ts";
import { Confirm } from "../parts/confirm.ts";
import { Page } from "../parts/page.ts";
import { Empty, FaultNote } from "../parts/states.ts";
import { countText, ImportProgress, ImportResult } from "./import-course.ts";
import { firstWishes, ImportOptionFields, type ImportWishes } from "./import-options.ts";

const notFetched = new ProblemAnswer(0, {
  title: "Cannot import",
  detail:
    "The program of the import could not be fetched: the gateway does not answer, or it is of another release by now",
});

/** `primarySmtp=E-Post, displayName=Navn`; undefined: none is told. */
function columnsOf(text: string): Readonly<Record<string, string>> | undefined {
  const pairs = text.split(",").flatMap((pair) => {
    const [member = "", name = ""] = pair.split("=").map((part) => part.trim());
    return member === "" ? [] : [[member, name] as const];
  });
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs);
}

function useImport(file: File | undefined, wishes: ImportWishes) {
  const [course, setCourse] = useState<ImportCourse | undefined>(undefined);
  const [problem, setProblem] = useState<ProblemAnswer | undefined>(undefined);
  const work = useRef<ImportWork | undefined>(undefined);
  const isRunning = course?.state === "running";
  useEffect(() => () => work.current?.stop(), []);
  useEffect(() => {
    if (!isRunning || course?.phase !== "importing") return;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [isRunning, course?.phase]);

  const begin = async (dryRun: boolean, survey: FileSurvey | undefined): Promise<void> => {
    if (file === undefined) return;
    setProblem(undefined);
    const columns = columnsOf(wishes.columns);
    const chosen = {
      file,
      // A file whose columns are named needs no look at them.
      format: columns === undefined ? wishes.format || undefined : "csv",
      encoding: wishes.encoding || undefined,
      ...(columns === undefined ? {} : { columns }),
    } as const;
    const options = { dryRun, key: wishes.key || undefined, onTaken: wishes.onTaken };
    try {
      const { beginImport } = await import("../core/import-work.ts");
      work.current = beginImport({ chosen, options, survey }, setCourse);
    } catch {
      setProblem(notFetched);
    }
  };
  return {
    course,
    problem,
    isRunning,
    begin,
    stop: () => work.current?.stop(),
    forget: () => setCourse(undefined),
  };
}

function Drop({
  isBusy,
  onFile,
}: {
  readonly isBusy: boolean;
  readonly onFile: (file: File) => void;
}): VNode {
  const id = useId();
  const [isOver, setOver] = useState(false);
  const take = (files: FileList | null | undefined): void => {
    const file = files?.[0];
    if (file !== undefined && !isBusy) onFile(file);
  };
  return html`<div class=${`drop ${isOver ? "over" : ""}`}
      onDragOver=${(event: DragEvent) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave=${() => setOver(false)}
      onDrop=${(event: DragEvent) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}>
    <label for=${id}>A file of users: CSV, of Exchange, Entra or Google Workspace, LDIF, NDJSON</label>
    <input id=${id} type="file" disabled=${isBusy} aria-describedby=${`${id}-hint`} onChange=${(event: Event) => take((event.target as HTMLInputElement).files)} />
    <span id=${`${id}-hint`} class="quiet">Or drop it here. It is read in this browser and kept nowhere; the gateway is asked about its rows.</span>
  </div>`;
}

/** What the last look says that an import would write. */
function Next({
  course,
  file,
  onImport,
}: {
  readonly course: ImportCourse;
  readonly file: File;
  readonly onImport: () => void;
}): VNode {
  const [isAsked, setAsked] = useState(false);
  const { created, changed, suffixed, unchanged, refused } = course.counts;
  const count = created + changed + suffixed;
  if (count === 0)
    return html`<${Empty} title="There is nothing to import">${unchanged > 0 && refused === 0 ? `All ${countText(unchanged, "row")} are unchanged: each user is there as the file says.` : `${unchanged} unchanged, ${refused} refused.`}</${Empty}>`;
  const act = `Import ${countText(count, "user")}`;
  return html`<p class="actions"><button type="button" class="primary" onClick=${() => setAsked(true)}>${act}…</button></p>
    ${
      isAsked
        ? html`<${Confirm} title="Import a file" act=${act} onClose=${() => setAsked(false)} onAct=${onImport}>
            <p>Of <strong>${file.name}</strong>, as it was looked through: ${created} created, ${changed} changed, ${suffixed} created with a number in the address. ${unchanged} unchanged and ${refused} refused are not written.</p>
            <p>Who takes an address in between has it; the write decides. There is no undo: users who should not be there are deleted one by one, or by <code>npm run bulk</code>.</p>
          </${Confirm}>`
        : null
    }`;
}

export function Import(): VNode {
  const [file, setFile] = useState<File | undefined>(undefined);
  const [wishes, setWishes] = useState(firstWishes);
  const { course, problem, isRunning, begin, stop, forget } = useImport(file, wishes);
  const isDone = course !== undefined && !isRunning;
  return html`<${Page} title="Import" heading="Import users">
      <form onSubmit=${(event: Event) => {
        event.preventDefault();
        void begin(true, undefined);
      }}>
        <${Drop} isBusy=${isRunning} onFile=${(chosen: File) => {
          setFile(chosen);
          forget();
        }} />
        <${ImportOptionFields} of=${wishes} isBusy=${isRunning} onChange=${(changed: ImportWishes) => {
          setWishes(changed);
          forget();
        }} />
        <p class="actions">
          <button type="submit" class=${isDone ? "" : "primary"} disabled=${file === undefined || isRunning}>Check the file</button>
          <span class="quiet">${file === undefined ? "No file is chosen" : `${file.name}, ${countText(file.size, "byte")}`}. Checking writes nothing.</span>
        </p>
      </form>
      ${problem === undefined ? null : html`<${FaultNote} problem=${problem} />`}
      ${course === undefined || !isRunning ? null : html`<${ImportProgress} course=${course} onStop=${stop} />`}
      ${isDone && file !== undefined ? html`<${ImportResult} course=${course} fileName=${file.name} />` : null}
      ${isDone && file !== undefined && course.phase === "checking" && course.state === "done" ? html`<${Next} course=${course} file=${file} onImport=${() => void begin(false, course.survey)} />` : null}
      ${isDone && course.phase === "importing" && course.state !== "done" ? html`<p class="actions"><button type="button" class="primary" onClick=${() => void begin(false, course.survey)}>Go on with the file</button></p>` : null}
  </${Page}>`;
}
