/** The console by keyboard alone: everything is reached, the focus is seen wherever it is, and a dialog gives it back. */
import assert from "node:assert/strict";
import anyTest, { type ExecutionContext } from "ava";
import { type ConsolePage, pageOf, signInWithKey } from "../support/browser.ts";
import { type ConsoleSystem, startConsoleSystem } from "../support/console-system.ts";
import { eventually } from "../support/eventually.ts";
import { checkScripts } from "../support/page-checks.ts";

const test = anyTest.serial;
const tabsMax = 60;
let system: ConsoleSystem;
test.before(async () => {
  system = await startConsoleSystem();
});
test.after.always(() => system?.stop());

interface Focus {
  readonly name: string;
  readonly faults: readonly string[];
}
const focusOf = ({ page }: ConsolePage): Promise<Focus> => page.evaluate<Focus>("lookAtFocus()");

/** Goes on by Tab until the focus is on what has this name; at each stop it must be seen. */
async function tabTo(t: ExecutionContext, at: ConsolePage, name: string | RegExp): Promise<void> {
  const passed: string[] = [];
  for (let count = 0; count < tabsMax; count += 1) {
    await at.page.keyboard.press("Tab");
    const focus = await focusOf(at);
    t.deepEqual(focus.faults, []);
    if (typeof name === "string" ? focus.name === name : name.test(focus.name)) return;
    passed.push(focus.name);
  }
  t.fail(`The focus never comes to ${name}, but to ${passed.join(", ")}`);
}

const headed = (at: ConsolePage, heading: RegExp): Promise<void> =>
  eventually(async () => {
    await at.settled();
    assert.match((await at.page.locator("h1").textContent()) ?? "", heading);
  });

const focusIs = (at: ConsolePage, name: string | RegExp): Promise<void> =>
  eventually(async () => {
    const focus = await focusOf(at);
    if (typeof name === "string") assert.equal(focus.name, name);
    else assert.match(focus.name, name);
  });

test("somebody signs in, finds a user by the box, edits and saves", async (t) => {
  const at = await pageOf(t, system.url, { scripts: checkScripts() });
  const { keyboard } = at.page;
  await at.page.goto("/console");
  await at.settled();
  await tabTo(t, at, "Access key");
  await keyboard.type(system.keys.owner);
  await keyboard.press("Enter");
  await headed(at, /^What is this\?$/);

  await focusIs(at, /An address, a name, or any id/);
  await keyboard.type("Ann Lee");
  await keyboard.press("Enter");
  await headed(at, /^Users$/);
  await focusIs(at, "Users");
  await tabTo(t, at, /^Ann Lee/);
  await keyboard.press("Enter");
  await headed(at, /^Ann Lee/);
  await focusIs(at, /^Ann Lee/);

  await tabTo(t, at, "Edit…");
  await keyboard.press("Enter");
  await focusIs(at, "Name");
  await keyboard.press("End");
  await keyboard.type("-Chen");
  await tabTo(t, at, "Save 1 change");
  await keyboard.press("Enter");
  await headed(at, /^Ann Lee-Chen/);
  await tabTo(t, at, "Close");
  await keyboard.press("Enter");
  await focusIs(at, "Edit…");
});

test("a dialog begins at Cancel, keeps the focus inside, and gives it back by Cancel and by Escape", async (t) => {
  const at = await pageOf(t, system.url, { scripts: checkScripts() });
  const { keyboard } = at.page;
  await signInWithKey(at, system.keys.owner);
  await at.page.goto(system.places.user[0] ?? "");
  await at.settled();
  await tabTo(t, at, "Delete the user…");
  for (const key of ["Enter", "Escape"]) {
    await keyboard.press("Enter");
    await focusIs(at, "Cancel");
    await tabTo(t, at, /^Type /);
    await tabTo(t, at, "Cancel");
    await keyboard.press(key);
    await focusIs(at, "Delete the user…");
    await eventually(async () => assert.equal(await at.page.locator("dialog").count(), 0));
  }
});

test("shortcuts lead to the box and to pages, while nobody writes and nobody has switched them off", async (t) => {
  const at = await pageOf(t, system.url, { scripts: checkScripts() });
  const { keyboard } = at.page;
  await signInWithKey(at, system.keys.owner);
  await at.page.goto("/console/users");
  await at.settled();
  const typed = async (keys: string): Promise<void> => {
    for (const key of keys.split(" ")) await keyboard.press(key);
  };
  for (const [keys, heading] of [
    ["g a", /^Who changed what$/],
    ["g s", /^The system now$/],
    ["?", /^Settings$/],
    ["g u", /^Users$/],
  ] as const) {
    await typed(keys);
    await headed(at, heading);
    await focusIs(at, heading);
  }
  await keyboard.press("/");
  await focusIs(at, "Find");
  await typed("g a");
  t.is(await at.page.getByRole("searchbox", { name: "Find" }).first().inputValue(), "ga");
  await headed(at, /^Users$/);

  await at.page.goto("/console/settings");
  await at.settled();
  await tabTo(t, at, "Single keys lead to pages");
  await keyboard.press("Space");
  await at.page.goto("/console/users");
  await headed(at, /^Users$/);
  await typed("g a");
  await typed("?");
  await headed(at, /^Users$/);
});
