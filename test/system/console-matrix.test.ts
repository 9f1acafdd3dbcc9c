/**
 * Each screen of the console, for each role, in both themes, on a desk and on a telephone: no breach of WCAG 2.2 AA or of
 * the Content-Security-Policy, nothing that is to be scrolled to sideways, and nothing asked for that the role may not.
 */
import anyTest, { type ExecutionContext } from "ava";
import { placeAt, type Screen, screens } from "../../services/gateway/console/app/core/routes.ts";
import {
  type ConsolePage,
  signInWithKey,
  startBrowser,
  type TestBrowser,
  visit,
} from "../support/browser.ts";
import {
  type ConsoleRole,
  type ConsoleSystem,
  consoleRoles,
  letsIn,
  startConsoleSystem,
} from "../support/console-system.ts";
import { checkScripts, factsOf, faultsOf, Seen } from "../support/page-checks.ts";

// One after another: what a role sees like one before it is looked at once.
const test = anyTest.serial;
const desk = { width: 1280, height: 800 };
const telephone = { width: 320, height: 640 };
const forms = [
  [desk, "light"],
  [desk, "dark"],
  [telephone, "dark"],
  [telephone, "light"],
] as const;
const seen = new Seen();
const names = Object.keys(screens) as Screen[];
let system: ConsoleSystem;
let browser: TestBrowser;
test.before(async () => {
  [system, browser] = await Promise.all([startConsoleSystem(), startBrowser()]);
});
test.after.always(async () => {
  await browser?.close();
  await system?.stop();
});

/** A page that is looked at, and closed with its test; a role signs in. */
async function pageFor(
  t: ExecutionContext,
  role: ConsoleRole | "nobody",
  options: Parameters<TestBrowser["open"]>[1] = {},
): Promise<ConsolePage> {
  const at = await browser.open(system.url, { ...options, scripts: checkScripts() });
  t.teardown(() => at.close());
  if (role !== "nobody") await signInWithKey(at, system.keys[role]);
  await at.page.goto("/console/settings");
  await at.settled();
  return at;
}

/** The page as it stands, in both themes at both widths; by axe where it is new. */
async function faultsInAllForms({ page }: ConsolePage): Promise<string[]> {
  const found: string[] = [];
  for (const [viewport, colorScheme] of forms) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    const form = `${viewport.width} px, ${colorScheme}`;
    const isFirst = viewport === desk && colorScheme === "light";
    const isNew = await seen.isNew(page, form);
    const faults = faultsOf(await factsOf(page, !isNew ? "frame" : isFirst ? "all" : "looks"));
    found.push(...faults.map((fault) => `${form}: ${fault}`));
  }
  await page.setViewportSize(desk);
  return found;
}

for (const name of names)
  test(`the matrix has a place for the screen ${name}`, (t) => {
    const paths = system.places[name];
    t.true(paths.length > 0);
    for (const path of paths) t.is(placeAt(new URL(path, system.url).pathname).screen, name);
  });

for (const role of consoleRoles)
  test(`${role}: each screen, in light and dark, wide and narrow`, async (t) => {
    const at = await pageFor(t, role);
    const refusals: string[] = [];
    at.context.on("response", (response) => {
      if (response.status() === 403) refusals.push(response.url());
    });
    let before = "/console/settings";
    let hasLookedAtRefusal = false;
    for (const name of names)
      for (const path of system.places[name]) {
        await visit(at, path);
        const facts = await factsOf(at.page, "frame");
        const { pathname } = new URL(at.page.url());
        // At the first page one types at once; at any other the heading is arrived at.
        const isArrived =
          pathname === "/console"
            ? await at.page.evaluate<boolean>(`document.activeElement?.type === "search"`)
            : facts.isHeadingFocused;
        if (pathname !== before)
          t.true(isArrived, `${path}: the heading, or the box of the first page, has the focus`);
        before = pathname;
        if (!letsIn(name, role)) {
          const text = await at.page.locator("main").textContent();
          t.true(text?.includes(`needs the scope ${screens[name].scope}`), `${path}: ${text}`);
          t.deepEqual(faultsOf(facts), [], path);
          // One line in the place of a page looks the same on each.
          if (hasLookedAtRefusal) continue;
          hasLookedAtRefusal = true;
        }
        t.deepEqual(await faultsInAllForms(at), [], path);
      }
    t.deepEqual(refusals, []);
    t.deepEqual(at.faults(), []);
  });

test("nobody: signing in, in light and dark, wide and narrow", async (t) => {
  const at = await pageFor(t, "nobody");
  t.is(await at.page.title(), "Sign in · mailroster");
  t.deepEqual(await faultsInAllForms(at), []);
});

test("each screen with forced colours, where none moves for whoever wants reduced motion", async (t) => {
  const at = await pageFor(t, "owner", { forcedColors: "active", reducedMotion: "reduce" });
  for (const path of names.flatMap((name) => system.places[name])) {
    await visit(at, path);
    t.is(await at.page.evaluate<number>("document.getAnimations().length"), 0, path);
    t.deepEqual(faultsOf(await factsOf(at.page, "looks")), [], path);
  }
});
