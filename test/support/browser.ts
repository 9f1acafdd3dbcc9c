/**
 * A real browser at the console.
 *
 * Promise: no page reaches anything but this machine; what a page does wrong fails its test at the end: an error on its
 * console, one that nobody caught, a breach of its Content-Security-Policy, a request to another host. Nothing of it
 * is left when the test ends.
 */
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
  type Request,
} from "playwright-core";
import { eventually } from "./eventually.ts";
import { chromiumAdvice } from "./provision/chromium.ts";
import { findProgram } from "./provision/command.ts";

/** A test that waits longer has found something. */
const waitMsMax = 30_000;

/** Playwright's own, which a list of ours takes the place of. */
const playwrightDoesWithout = [
  "AvoidUnnecessaryBeforeUnloadCheckSync",
  "DestroyProfileOnBrowserClose",
  "HttpsUpgrades",
  "HttpsFirstBalancedModeAutoEnable",
  "LensOverlay",
  "MediaRouter",
  "PaintHolding",
  "ThirdPartyStoragePartitioning",
  "AvoidCorsURLLoaderRestartOnRedirect",
  "OptimizationHints",
  "NetworkTimeServiceQuerying",
  "AimEnabled",
  "PreconnectToSearch",
];

/** What a window costs that nobody sees: two pages for its address bar, and a process for a page that never comes. */
const windowDoesWithout = ["WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "SpareRendererForSitePerProcess"];

const flags = [
  `--disable-features=${[...playwrightDoesWithout, ...windowDoesWithout].join(",")}`,
  // Root has no sandbox of Chromium's, and the memory that containers share is too small for it.
  "--no-sandbox",
  "--disable-dev-shm-usage",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
];

interface Teardown {
  teardown(end: () => Promise<void>): void;
}

type PageOptions = Pick<
  BrowserContextOptions,
  "viewport" | "colorScheme" | "forcedColors" | "reducedMotion" | "timezoneId" | "locale"
> & { readonly scripts?: readonly string[] };

export interface ConsolePage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What has gone wrong so far and was not to be expected. */
  faults(): string[];
  /** The page has its heading, and nothing that it has asked for is still under way. */
  settled(): Promise<void>;
  /** What matches is no fault, whether it has been or comes yet. */
  allow(fault: RegExp): void;
  /** Rejects with the faults. */
  close(): Promise<void>;
}

export interface TestBrowser {
  /** A page with cookies and storage of its own, which has not gone anywhere; `url` is the gateway. */
  open(url: string, options?: PageOptions): Promise<ConsolePage>;
  close(): Promise<void>;
}

/** An answer that tells of a problem is the page's to show; a file of the console that is not there is a fault. */
const isRefusal = (text: string, at: string): boolean =>
  text.startsWith("Failed to load resource") && !at.includes("/console/assets/");

/** Those without an answer so far. */
function pendingRequests(context: BrowserContext): ReadonlySet<Request> {
  const pending = new Set<Request>();
  context.on("request", (request) => pending.add(request));
  context.on("requestfinished", (request) => pending.delete(request));
  context.on("requestfailed", (request) => pending.delete(request));
  return pending;
}

/** Two frames after the last answer the page has shown it, and nothing on it is still to come. What runs in the page is text: nothing here knows its types. */
const isShown = `new Promise((resolve) => {
  const look = () => resolve(document.querySelector("h1") !== null && document.querySelector('[aria-busy="true"]') === null);
  requestAnimationFrame(() => requestAnimationFrame(look));
})`;

/** `mailrosterViolation` is ours, of the test's side. */
const tellViolations = `document.addEventListener("securitypolicyviolation", (event) => {
  const { violatedDirective, blockedURI, sourceFile, lineNumber, sample } = event;
  mailrosterViolation(violatedDirective + " " + blockedURI + " at " + sourceFile + ":" + lineNumber + " " + sample);
});`;

/** Writes down what the page does wrong. */
async function watch(context: BrowserContext, origin: string): Promise<string[]> {
  const faults: string[] = [];
  const add = (fault: string): void => void faults.push(fault);
  await context.exposeFunction("mailrosterViolation", (text: string) => add(`violation: ${text}`));
  await context.addInitScript({ content: tellViolations });
  context.on("console", (message) => {
    if (message.type() === "error" && !isRefusal(message.text(), message.location().url))
      add(`console: ${message.text()}`);
  });
  context.on("weberror", (error) => add(`error: ${error.error().stack ?? error.error().message}`));
  context.on("request", (request) => {
    const { protocol, origin: asked } = new URL(request.url());
    if (asked !== origin && !["data:", "blob:", "about:"].includes(protocol))
      add(`another host: ${request.method()} ${request.url()}`);
  });
  return faults;
}

async function openPage(browser: Browser, url: string, options: PageOptions): Promise<ConsolePage> {
  const { scripts = [], ...wish } = options;
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: "en-GB",
    timezoneId: "Europe/Zurich",
    colorScheme: "light",
    acceptDownloads: true,
    ...wish,
    baseURL: url,
  });
  context.setDefaultTimeout(waitMsMax);
  const found = await watch(context, new URL(url).origin);
  for (const content of scripts) await context.addInitScript({ content });
  const pending = pendingRequests(context);
  const page = await context.newPage();
  const allowed: RegExp[] = [];
  const faults = (): string[] => found.filter((fault) => !allowed.some((each) => each.test(fault)));
  return {
    page,
    context,
    faults,
    settled: () =>
      eventually(
        async () => {
          if (pending.size > 0 || !(await page.evaluate<boolean>(isShown)) || pending.size > 0)
            throw new Error(
              `${page.url()} waits for ${[...pending].map((each) => each.url()).join() || "its heading"}`,
            );
        },
        { timeoutMs: waitMsMax },
      ),
    allow: (fault) => void allowed.push(fault),
    async close() {
      await context.close();
      if (faults().length > 0) throw new Error(`The page did what it must not:\n${faults().join("\n")}`);
    },
  };
}

/** Rejects with the advice when there is none. */
export async function startBrowser(): Promise<TestBrowser> {
  const program = process.env.TEST_CHROMIUM ?? findProgram("chromium");
  if (program === undefined) throw new Error(chromiumAdvice);
  const browser = await chromium.launch({ executablePath: program, args: flags });
  return {
    open: (url, options = {}) => openPage(browser, url, options),
    close: () => browser.close(),
  };
}

/** One page in a browser of its own; both end with the test, which fails by the page's faults. */
export async function pageOf(t: Teardown, url: string, options: PageOptions = {}): Promise<ConsolePage> {
  const browser = await startBrowser();
  t.teardown(() => browser.close());
  const page = await browser.open(url, options);
  t.teardown(() => page.close());
  return page;
}

/** The session of a key, as the page of signing in gets it; rejects when the gateway does not take the key. */
export async function signInWithKey({ context }: ConsolePage, key: string): Promise<void> {
  const headers = { "sec-fetch-site": "same-origin", "x-mailroster-console": "1" };
  await eventually(async () => {
    const answer = await context.request.post("/session/key", { data: { key }, headers });
    if (answer.status() !== 204) throw new Error(`Not signed in: ${answer.status()} ${await answer.text()}`);
  });
}

/** Goes where a link of the console's would, without loading the program again. */
export async function visit(at: ConsolePage, path: string): Promise<void> {
  await at.page.evaluate(
    `history.pushState(null, "", ${JSON.stringify(path)}); dispatchEvent(new PopStateEvent("popstate"));`,
  );
  await at.settled();
}
