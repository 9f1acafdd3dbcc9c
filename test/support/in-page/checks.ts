/**
 * What is looked at in a page of the console. It runs there, as a script and no module: `test/support/page-checks.ts`
 * takes the types off and calls it by its name.
 */

interface Found {
  readonly title: string;
  readonly headings: readonly string[];
  readonly isHeadingFocused: boolean;
  /** Pixels that are to be scrolled to sideways. */
  readonly sideways: number;
  readonly faults: readonly string[];
}

const shortly = (element: Element): string => element.outerHTML.replaceAll(/\s+/g, " ").slice(0, 160);

/** What somebody reads who sees no colour and hears no decoration. */
function wordsOf(element: Element): string {
  const copy = element.cloneNode(true) as Element;
  for (const decoration of copy.querySelectorAll('[aria-hidden="true"]')) decoration.remove();
  return `${element.getAttribute("aria-label") ?? ""} ${copy.textContent ?? ""}`;
}

/** The tones of the style sheet: each tells by its colour what must stand beside it in words. */
const toned = ".good, .warn, .bad, .mark, .rung, .edge, .lane-row:not(.head), .legend, .danger";

const isVisible = (element: Element): boolean => element.checkVisibility();

function withoutWord(): string[] {
  return [...document.querySelectorAll(toned)]
    .filter((element) => isVisible(element) && !/\p{L}{2}/u.test(wordsOf(element)))
    .map((element) => `colour without a word: ${shortly(element)}`);
}

const inlineStyles = (): string[] =>
  [...document.querySelectorAll("[style], style")].map((element) => `inline style: ${shortly(element)}`);

/** A picture is either named or decoration. */
const silentPictures = (): string[] =>
  [...document.querySelectorAll("svg, img, canvas")]
    .filter(
      (element) =>
        element.closest('[aria-hidden="true"]') === null &&
        !element.hasAttribute("aria-label") &&
        !element.hasAttribute("alt"),
    )
    .map((element) => `picture without a name: ${shortly(element)}`);

interface Axe {
  run(
    place: Document,
    options: object,
  ): Promise<{
    violations: {
      id: string;
      help: string;
      nodes: { html: string; failureSummary?: string }[];
    }[];
  }>;
}

const levels = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
/** What another theme or width can change. */
const ofLooks = ["color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable"];

type Depth = "all" | "looks" | "frame";

async function byAxe(depth: Depth): Promise<string[]> {
  const { axe } = globalThis as unknown as { axe: Axe };
  if (depth === "frame") return [];
  const runOnly = depth === "looks" ? { type: "rule", values: ofLooks } : { type: "tag", values: levels };
  const { violations } = await axe.run(document, { runOnly, resultTypes: ["violations"], preload: false });
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(
      ({ html, failureSummary = "" }) =>
        `axe ${id}: ${help}: ${html.replaceAll(/\s+/g, " ").slice(0, 200)} (${failureSummary.split("\n").slice(1).join(" ").trim().slice(0, 240)})`,
    ),
  );
}

async function lookAtPage(depth: Depth): Promise<Found> {
  const { scrollWidth, clientWidth } = document.documentElement;
  const headings = [...document.querySelectorAll("h1")];
  return {
    title: document.title,
    headings: headings.map((heading) => heading.textContent?.trim() ?? ""),
    isHeadingFocused: document.activeElement === headings[0],
    sideways: scrollWidth - clientWidth,
    faults: [...withoutWord(), ...inlineStyles(), ...silentPictures(), ...(await byAxe(depth))],
  };
}

interface Focus {
  /** As it is told to whoever hears it, nearly: of a field its label. */
  readonly name: string;
  readonly faults: readonly string[];
}

function nameOf(element: Element): string {
  const [label] = (element as HTMLInputElement).labels ?? [];
  const copy = (label ?? element).cloneNode(true) as Element;
  for (const other of copy.querySelectorAll('[aria-hidden="true"], input, select')) other.remove();
  return (element.getAttribute("aria-label") ?? copy.textContent ?? "").replaceAll(/\s+/g, " ").trim();
}

/** Nothing lies over it, and it is in sight. */
const isInSight = (element: Element): boolean =>
  [...element.getClientRects()].some(({ left, top, width, height }) =>
    element.contains(document.elementFromPoint(left + width / 2, top + height / 2)),
  );

/** Where the focus is, and whether somebody sees that (WCAG 2.4.7 and 2.4.11). */
function lookAtFocus(): Focus {
  const element = document.activeElement ?? document.body;
  if (element === document.body) return { name: "", faults: [] };
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const isSeen = outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2;
  return {
    name: nameOf(element),
    faults: [
      ...(isSeen ? [] : [`the focus is not seen on ${shortly(element)}`]),
      ...(isInSight(element) ? [] : [`something covers the focus on ${shortly(element)}`]),
    ],
  };
}

const isOfMain = (element: Element): boolean => element.closest("main") !== null;

/** What a field shows beyond its attributes. */
const stateOf = (field: Element): string => {
  const { value, checked, selectedIndex } = field as HTMLInputElement & HTMLSelectElement;
  return `${value} ${checked} ${selectedIndex}`;
};

/**
 * The page's main part and what stands around it, each as a text that tells all that axe goes by: elements, attributes,
 * texts, what fields hold. What stands around is the same wherever in the console one is.
 */
function partsOfPage(): [main: string, around: string] {
  const page = document.documentElement.cloneNode(true) as Element;
  for (const current of page.querySelectorAll("[aria-current]")) current.removeAttribute("aria-current");
  page.querySelector("title")?.replaceChildren();
  page.querySelector("main")?.replaceChildren();
  const fields = [...document.querySelectorAll("input, select, textarea")];
  const states = (isWanted: (field: Element) => boolean): string =>
    fields.filter(isWanted).map(stateOf).join("\n");
  return [
    `${document.querySelector("main")?.outerHTML}\n${states(isOfMain)}`,
    `${page.outerHTML}\n${states((field) => !isOfMain(field))}`,
  ];
}

Object.assign(globalThis, { lookAtPage, lookAtFocus, partsOfPage });
