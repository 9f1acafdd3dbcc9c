/**
 * Cells of CSV files that people open in a spreadsheet, which would take a text for a formula (OWASP, CSV Injection): a
 * quote in front makes a text of it. Both ways, so that what is written is read as what it was.
 */

/** Quotes and then what a spreadsheet takes for the beginning of a formula, in its full-width form too. */
const formula = /^'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/u;

export const formulaSafe = (text: string): string => (formula.test(text) ? `'${text}` : text);

/** What `formulaSafe` was given. */
export const fromFormulaSafe = (text: string): string =>
  text.startsWith("'") && formula.test(text) ? text.slice(1) : text;

/** A line of CSV (RFC 4180) with the cells as they are. */
export const csvLine = (cells: readonly string[]): string =>
  `${cells.map((text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)).join(",")}\r\n`;

/** A line of CSV whose texts no spreadsheet takes for a formula. */
export const csvRecord = (cells: readonly string[]): string => csvLine(cells.map(formulaSafe));
