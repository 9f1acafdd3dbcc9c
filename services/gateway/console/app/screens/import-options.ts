/** What an import is told besides its file: the options of the command. */
import type { VNode } from "preact";
import { useId } from "preact/hooks";
import type { FormatName } from "../../../../../mixins/import/formats.ts";
import { html } from "../core/html.ts";

export interface ImportWishes {
  readonly format: FormatName | "";
  readonly key: "externalId" | "primarySmtp" | "";
  readonly onTaken: "refuse" | "suffix";
  readonly encoding: string;
  /** `primarySmtp=E-Post, displayName=Navn` */
  readonly columns: string;
}

export const firstWishes: ImportWishes = {
  format: "",
  key: "",
  onTaken: "refuse",
  encoding: "",
  columns: "",
};

/** Every one, or it does not compile: the modules of the import are fetched when they are needed. */
const formatTexts = {
  csv: "CSV of our own or usual columns",
  exchange: "CSV of Exchange or Entra",
  google: "CSV of Google Workspace",
  ldif: "LDIF of a directory",
  ndjson: "NDJSON, an object a line",
} satisfies Record<FormatName, string>;

/** As browsers call them. */
const encodings = [
  ["", "UTF-8, or what its byte order mark says"],
  ["windows-1252", "Western European, windows-1252"],
  ["windows-1250", "Central European, windows-1250"],
  ["windows-1251", "Cyrillic, windows-1251"],
  ["windows-1253", "Greek, windows-1253"],
  ["windows-1254", "Turkish, windows-1254"],
  ["windows-1255", "Hebrew, windows-1255"],
  ["windows-1256", "Arabic, windows-1256"],
  ["windows-1257", "Baltic, windows-1257"],
  ["iso-8859-2", "Central European, iso-8859-2"],
  ["iso-8859-15", "Western European, iso-8859-15"],
  ["macintosh", "Western European, macintosh"],
  ["utf-16le", "UTF-16 without its mark, utf-16le"],
  ["shift_jis", "Japanese, shift_jis"],
  ["euc-kr", "Korean, euc-kr"],
  ["gb18030", "Chinese, gb18030"],
  ["big5", "Chinese, big5"],
] as const;

interface ChoiceProps<V extends string> {
  readonly label: string;
  readonly hint: string;
  readonly value: V;
  readonly choices: readonly (readonly [value: V, text: string])[];
  readonly onChoice: (value: V) => void;
}

function Choice<V extends string>({ label, hint, value, choices, onChoice }: ChoiceProps<V>): VNode {
  const id = useId();
  return html`<div><label for=${id}>${label}</label>
    <select id=${id} aria-describedby=${`${id}-hint`} value=${value} onChange=${(event: Event) => onChoice((event.target as HTMLSelectElement).value as V)}>
      ${choices.map(([each, text]) => html`<option value=${each} selected=${each === value}>${text}</option>`)}
    </select>
    <span id=${`${id}-hint`} class="quiet">${hint}</span>
  </div>`;
}

interface OptionsProps {
  readonly of: ImportWishes;
  readonly isBusy: boolean;
  readonly onChange: (wishes: ImportWishes) => void;
}

export function ImportOptionFields({ of, isBusy, onChange }: OptionsProps): VNode {
  const id = useId();
  const set = (changed: Partial<ImportWishes>): void => onChange({ ...of, ...changed });
  const isCsv = of.format === "" || of.format === "csv";
  return html`<fieldset disabled=${isBusy}>
    <legend>What is to become of a row</legend>
    <div class="fields">
      <${Choice} label="Whoever is there already" value=${of.key} onChoice=${(key: ImportWishes["key"]) => set({ key })}
        hint="By what they are found. Nothing is taken away that the file does not name"
        choices=${[
          ["", "Stays as they are"],
          ["externalId", "Is changed, found by the external id"],
          ["primarySmtp", "Is changed, found by the primary address"],
        ]} />
      <${Choice} label="An address that is taken" value=${of.onTaken} onChoice=${(onTaken: ImportWishes["onTaken"]) => set({ onTaken })}
        hint="With a number somebody has another address than the file says"
        choices=${[["refuse", "Refuses the row"], ["suffix", "Gets a number: ann2@example.com"]]} />
      <details>
        <summary>How the file is read</summary>
        <div class="fields">
          <${Choice} label="Format" value=${of.format} onChoice=${(format: ImportWishes["format"]) => set({ format })}
            hint="The file tells it by how it begins" choices=${[["", "As the file tells"], ...Object.entries(formatTexts)]} />
          <${Choice} label="Encoding" value=${of.encoding} onChoice=${(encoding: string) => set({ encoding })}
            hint="A byte that is none of it is told with line and column" choices=${encodings} />
          <div><label for=${id}>Columns that are called otherwise</label>
            <input id=${id} value=${of.columns} disabled=${!isCsv} autocomplete="off" spellcheck=${false} aria-describedby=${`${id}-hint`}
              onInput=${(event: InputEvent) => set({ columns: (event.target as HTMLInputElement).value })} />
            <span id=${`${id}-hint`} class="quiet">Of CSV, as primarySmtp=E-Post, displayName=Navn</span>
          </div>
        </div>
      </details>
    </div>
  </fieldset>`;
}
