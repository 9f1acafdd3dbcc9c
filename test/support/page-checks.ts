/** What must be true of each page of the console, looked at in the page itself: by axe's rules and by some of our own. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { transformSync } from "amaro";
import type { Page } from "playwright-core";

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

/** What is wrong with a page as it stands. */
export function faultsOf({ title, headings, sideways, faults }: PageFacts): string[] {
  return [
    ...(/^(.+ · )?.+ · mailroster$/.test(title) ? [] : [`title: ${title}`]),
    ...(headings.length === 1 && headings[0] !== "" ? [] : [`first headings: ${headings.join(" | ")}`]),
    ...(sideways > 0 ? [`${sideways} px are to be scrolled to sideways`] : []),
    ...faults,
  ];
}
