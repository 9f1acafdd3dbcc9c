/** What the console's program must not do stands nowhere in it, and is noticed where it does. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { rolesWith } from "../../services/contracts/access.ts";
import { screens } from "../../services/gateway/console/app/core/routes.ts";
import { appFolder } from "../../services/gateway/console/bundle.ts";
import { consoleFindings, consoleRules } from "../support/gate/console-rules.ts";

const broken: Record<string, string[]> = {
  markup: ["place.innerHTML = name;", "h('p', { dangerouslySetInnerHTML: { __html: name } })"],
  code: ["eval(text);", "new Function(text)();"],
  "inline-style": [
    'html`<p style="color: red">`',
    'place.style.color = "red";',
    "h('p', { \"style\": looks })",
  ],
  "inline-handler": ['html`<button onclick="go()">`'],
  storage: ['localStorage.setItem("name", name);', "document.cookie"],
  "other-host": ['fetch("https://example.com/")', "import('//example.com/x.js')"],
};

for (const { name } of consoleRules)
  test(`${name} is noticed in the console's program`, (t) => {
    for (const text of broken[name] ?? [""])
      t.regex(consoleFindings({ path: "screens/a.ts", text }).join(), new RegExp(` ${name}: `), text);
  });

test("the console's program keeps to its rules", (t) => {
  const files = globSync("**/*.ts", { cwd: appFolder });
  t.true(files.length > 50, "they are found");
  const findings = files.flatMap((path) =>
    consoleFindings({ path, text: readFileSync(join(appFolder, path), "utf8") }),
  );
  t.deepEqual(findings, []);
});

test("each screen of the console names the scope that it takes, but for those that show something to each role", (t) => {
  const open = Object.entries(screens).filter(([, { scope }]) => !Object.hasOwn(rolesWith, scope));
  t.deepEqual(
    open.map(([name, { scope }]) => [name, scope]),
    ["home", "find", "settings", "signIn"].map((name) => [name, "everybody"]),
  );
});
