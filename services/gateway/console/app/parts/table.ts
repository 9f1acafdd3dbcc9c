/** A native table, which becomes a list on a narrow screen: each cell then carries the name of its column. */
import type { VNode } from "preact";
import { type Content, html } from "../core/html.ts";

export interface Column<T> {
  readonly name: string;
  readonly cell: (row: T) => Content;
  readonly isNumber?: boolean;
}

interface TableProps<T> {
  /** What the table is, for whoever hears it. */
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
}

export function Table<T>({ caption, columns, rows, keyOf }: TableProps<T>): VNode {
  return html`<table>
    <caption class="unseen">${caption}</caption>
    <thead>
      <tr>${columns.map(({ name, isNumber }) => html`<th scope="col" class=${isNumber ? "number" : ""}>${name}</th>`)}</tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) => html`<tr key=${keyOf(row)}>
          ${columns.map(
            ({ name, cell, isNumber }) =>
              html`<td data-name=${name} class=${isNumber ? "number" : ""}>${cell(row)}</td>`,
          )}
        </tr>`,
      )}
    </tbody>
  </table>`;
}
