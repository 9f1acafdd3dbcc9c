/**
 * `npm run pictures`: draws the console by a real browser on a system of its own: the two pictures of the README into
 * docs/pictures, or with `-- FOLDER` each screen in both themes at three widths, to be looked at.
 */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { exitCodes } from "../services/contracts/exits.ts";
import { type CommandForm, commandLine } from "../services/runtime/command-line.ts";
import { runCommand } from "../services/runtime/run-command.ts";
import { signInWithKey, startBrowser, type TestBrowser, visit } from "./support/browser.ts";
import { startConsoleSystem } from "./support/console-system.ts";
import { startPictureStory } from "./support/picture-story.ts";
import { root } from "./support/processes.ts";
import { serversOf } from "./support/provision/needs.ts";
import { ServerPool } from "./support/provision/servers.ts";

const form: CommandForm = {
  name: "pictures",
  says: "Draws the console: the pictures of the README into docs/pictures, or each screen in both themes at three widths into a folder.",
  words: { form: "[folder]", max: 1 },
  exits: { [exitCodes.failure]: "a page did what it must not, or was not to be had" },
};
const themes = ["light", "dark"] as const;
const widths = [1_280, 768, 320] as const;
/** As wide as a README is shown, and as high as what matters. */
const readme = { width: 1_000, height: 960 };

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function drawReadme(browser: TestBrowser): Promise<void> {
  const story = await startPictureStory();
  try {
    const folder = join(root, "docs/pictures");
    mkdirSync(folder, { recursive: true });
    for (const [name, path] of Object.entries(story.places)) {
      const at = await browser.open(story.url, { viewport: readme });
      await signInWithKey(at, story.key);
      await at.page.goto(path);
      await at.settled();
      await at.page.screenshot({ path: join(folder, `${name}.png`) });
      await at.close();
      print(join(folder, `${name}.png`));
    }
  } finally {
    await story.stop();
  }
}

async function drawAll(browser: TestBrowser, folder: string): Promise<void> {
  const system = await startConsoleSystem();
  try {
    mkdirSync(folder, { recursive: true });
    const at = await browser.open(system.url);
    await signInWithKey(at, system.keys.owner);
    await at.page.goto("/console/settings");
    await at.settled();
    for (const [screen, paths] of Object.entries(system.places))
      for (const [index, path] of paths.entries()) {
        await visit(at, path);
        for (const width of widths)
          for (const colorScheme of themes) {
            await at.page.setViewportSize({ width, height: 800 });
            await at.page.emulateMedia({ colorScheme });
            const name = `${screen}-${index + 1}-${width}-${colorScheme}.png`;
            await at.page.screenshot({ path: join(folder, name), fullPage: true });
          }
        print(`${path}: ${screen}-${index + 1}`);
      }
    await at.close();
  } finally {
    await system.stop();
  }
}

const [folder] = commandLine(form).words;
await runCommand(async () => {
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.once(name, () => interrupted.abort(new Error(name)));
  const servers = new ServerPool(print, interrupted.signal);
  try {
    const needed = serversOf(["test/pictures.ts"], root);
    Object.assign(process.env, await servers.environment(needed));
    const browser = await startBrowser();
    try {
      await (folder === undefined ? drawReadme(browser) : drawAll(browser, resolve(folder)));
    } finally {
      await browser.close();
    }
    return exitCodes.ok;
  } finally {
    await servers.stop();
  }
});
