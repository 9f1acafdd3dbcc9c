/** What is looked at in each page of the console complains of a page that has what it looks for. */
import assert from "node:assert/strict";
import test from "ava";
import { pageOf } from "../support/browser.ts";
import { eventually } from "../support/eventually.ts";
import { checkScripts, factsOf, faultsOf, Seen } from "../support/page-checks.ts";
import { startGateway } from "../support/rig.ts";

/** What is put into a good page, and what must be said of it. */
const offences: Record<
  string,
  [markup: [tag: string, attributes: Record<string, string>, text: string], says: RegExp]
> = {
  "a button without a name": [["button", { type: "button" }, ""], /axe button-name/],
  "a field without a label": [["input", { type: "text" }, ""], /axe label/],
  "a link without a text": [["a", { href: "/console" }, ""], /axe link-name/],
  "a picture without a name": [["svg", {}, ""], /picture without a name/],
  "a colour without a word": [["span", { class: "mark bad" }, "✕"], /colour without a word/],
  "an inline style": [["p", { style: "color: red" }, "red"], /inline style/],
  "a style element": [["style", {}, "p { color: red }"], /inline style/],
  "a second first heading": [["h1", {}, "Another"], /first headings: .* \| Another/],
  "a word as wide as three telephones": [["p", {}, "w".repeat(200)], /px are to be scrolled to sideways/],
};

test("each check of a page complains of what it is for, and of nothing else on a good page", async (t) => {
  const gateway = await startGateway({ environment: { AUTH: "required" } });
  t.teardown(() => gateway.stop());
  const at = await pageOf(t, gateway.url, {
    viewport: { width: 320, height: 640 },
    scripts: checkScripts(),
  });
  await at.page.goto("/console");
  await at.settled();
  t.deepEqual(faultsOf(await factsOf(at.page, "all")), []);
  const seen = new Seen();
  t.true(await seen.isNew(at.page, "light"));
  t.true(await seen.isNew(at.page, "dark"));
  for (const [what, [[tag, attributes, text], says]] of Object.entries(offences)) {
    await at.page.evaluate(`{
      const offence = document.createElement(${JSON.stringify(tag)});
      offence.id = "offence";
      for (const [name, value] of Object.entries(${JSON.stringify(attributes)})) offence.setAttribute(name, value);
      offence.textContent = ${JSON.stringify(text)};
      document.querySelector("main").append(offence);
    }`);
    t.true(await seen.isNew(at.page, "light"), `${what} makes a page new`);
    const faults = faultsOf(await factsOf(at.page, "all"));
    t.true(
      faults.some((fault) => says.test(fault)),
      `${what}: ${faults.join("\n")}`,
    );
    await at.page.evaluate(`document.getElementById("offence").remove()`);
    t.false(await seen.isNew(at.page, "light"), `the page before ${what}`);
  }
  /** Told by the page as soon as it comes to that. */
  const told = async (fault: RegExp): Promise<void> => {
    await eventually(() => assert.match(at.faults().join("\n"), fault));
    at.allow(fault);
  };
  await told(/style-src|inline style/);

  await t.throwsAsync(at.page.evaluate(`document.querySelector("main").innerHTML = "<b>bold</b>"`), {
    message: /TrustedHTML/,
  });
  await told(/trusted-types|TrustedHTML/i);

  await at.page.evaluate(`fetch("http://localhost:1/elsewhere").catch(() => {})`);
  await told(/elsewhere/);
  t.deepEqual(at.faults(), []);
});

test("a page with a fault fails the test that has it open", async (t) => {
  const gateway = await startGateway({ environment: { AUTH: "required" } });
  t.teardown(() => gateway.stop());
  const at = await pageOf(t, gateway.url);
  await at.page.goto("/console");
  await at.settled();
  await at.page.evaluate(`console.error("something is wrong")`);
  await t.throwsAsync(at.close(), { message: /something is wrong/ });
  at.allow(/something is wrong/);
});
