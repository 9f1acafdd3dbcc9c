/** What must be true of each page of the console, looked at in the page itself: by axe's rules and by some of our own. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { transformSync } from "amaro";
import type { Page } from "playwright-core";
import { roles } from "../../services/contracts/roles.ts";

const requireFrom = createRequire(import.meta.url);
const ours = new URL("in-page/checks.ts", import.meta.url);

/** For the pages of a browser that are looked at, before they are loaded. */
export const checkScripts = (): string[] => [
  readFileSync(requireFrom.resolve("axe-core/axe.min.js"), "utf8"),
  transformSync(readFileSync(ours, "utf8"), { mode: "strip-only" }).code,
];

export interface PageFacts {
  readonly title: string;
  readonly headings: readonly string[];
  readonly isHeadingFocused: boolean;
  readonly sideways: number;
  readonly faults: readonly string[];
}

/** `looks`: of axe's rules only those that another theme or width can break; `frame`: none of them. */
export const factsOf = (page: Page, depth: "all" | "looks" | "frame"): Promise<PageFacts> =>
  page.evaluate<PageFacts>(`lookAtPage("${depth}")`);

/** A number that a rule of axe's may go by, or any other. */
const numbers = /<\/?h\d|\b(?:tabindex|aria-level|class)="[^"]*"|\d+/g;

/** Another number, id or role in a text or a reference is nothing that axe goes by. */
const alike = (part: string): string =>
  part
    .replaceAll(/[\da-f]{8}-[\da-f-]{27}/g, "0")
    .replaceAll(/\bkey:\w+/g, "key")
    .replaceAll(new RegExp(`\\b(?:${roles.join("|")})\\b`, "g"), "role")
    .replaceAll(numbers, (found) => (/^\d/.test(found) ? "0" : found));

/**
 * What axe has looked at, so that it looks once at what several roles see alike.
 *
 * Promise: a page is new in a form, a theme at a width, unless both its main part and what stands around it have been
 * seen in the form before. What axe complains of it finds in one of the two; what ties them together, the title, the
 * headings and the width, is for `factsOf(page, "frame")`.
 */
export class Seen {
  readonly #parts = new Set<string>();

  /** From now on it is not new. */
  async isNew(page: Page, form: string): Promise<boolean> {
    const parts = await page.evaluate<string[]>("partsOfPage()");
    const marks = parts.map((part, index) => `${form} ${index} ${alike(part)}`);
    const isNew = marks.some((mark) => !this.#parts.has(mark));
    for (const mark of marks) this.#parts.add(mark);
    return isNew;
  }
}

/** What is wrong with a page as it stands. */
export function faultsOf({ title, headings, sideways, faults }: PageFacts): string[] {
  return [
    ...(/^(.+ · )?.+ · mailroster$/.test(title) ? [] : [`title: ${title}`]),
    ...(headings.length === 1 && headings[0] !== "" ? [] : [`first headings: ${headings.join(" | ")}`]),
    ...(sideways > 0 ? [`${sideways} px are to be scrolled to sideways`] : []),
    ...faults,
  ];
}
