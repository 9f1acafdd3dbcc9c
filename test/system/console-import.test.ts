/** The console's import in a real browser: what it does with a file is what the command does, and a repeat writes nothing. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import type { Page } from "playwright-core";
import { importRows } from "../../mixins/import/run.ts";
import { gatewayClient } from "../../services/commands/http-client.ts";
import { openRows, surveyOf } from "../../services/commands/import/file.ts";
import { contractWishes } from "../../services/commands/import/wishes.ts";
import { rejectedRows } from "../../services/commands/rejected-rows.ts";
import { checkOutcomes } from "../../services/contracts/check-outcomes.ts";
import { startBrowser, type TestBrowser } from "../support/browser.ts";
import { eventually } from "../support/eventually.ts";
import { type Rig, startRig } from "../support/rig.ts";

let rig: Rig;
let browser: TestBrowser;
const folder = mkdtempSync(join(tmpdir(), "console-import-"));
test.before(async () => {
  [rig, browser] = await Promise.all([
    startRig({ services: ["gateway", "users", "smtp-registry"] }),
    startBrowser(),
  ]);
});
test.after.always(async () => {
  await browser?.close();
  await rig?.stop();
  rmSync(folder, { recursive: true });
});

const outcomes = checkOutcomes;
type Counts = Readonly<Record<(typeof outcomes)[number], number>>;
const none: Counts = { created: 0, changed: 0, unchanged: 0, suffixed: 0, refused: 0 };

/** 300 people, of whom every tenth can't be taken, each for another reason. */
function peopleOf(domain: string): { name: string; primary: string; secondaries: string[]; id: string }[] {
  return Array.from({ length: 300 }, (_, index) => {
    const person = {
      name: index % 7 === 0 ? `=P${index}, "the" Ünsal` : `P${index}`,
      primary: `p${index}@${domain}`,
      secondaries: index % 3 === 0 ? [`s${index}@${domain}`] : [],
      id: `${domain}-${index}`,
    };
    if (index % 50 === 9) return { ...person, primary: `p${index - 9}@${domain.toUpperCase()}` };
    if (index % 50 === 19) return { ...person, primary: `p${index} at ${domain}` };
    if (index % 50 === 29) return { ...person, secondaries: [`s s@${domain}`, "nobody"] };
    if (index % 50 === 39) return { ...person, name: "" };
    if (index % 50 === 49) return { ...person, id: `${domain}-${index - 1}` };
    return person;
  });
}

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const files = {
  csv: (domain: string) => [
    "team;primarySmtp;displayName;secondarySmtps;externalId",
    ...peopleOf(domain).map(
      ({ name, primary, secondaries, id }) =>
        `x;${primary};${quoted(name)};${quoted(secondaries.join(" "))};${id}`,
    ),
  ],
  ldif: (domain: string) => [
    "version: 1",
    ...peopleOf(domain).flatMap(({ name, primary, secondaries, id }) => [
      "",
      `dn: uid=${id}`,
      `cn:: ${base64(name)}`,
      `mail: ${primary}`,
      ...secondaries.map((address) => `mailAlternateAddress: ${address}`),
      `employeeNumber: ${id}`,
    ]),
    "",
    "dn: ou=nobody",
    "cn: Nobody",
  ],
} as const;

/** Hundreds of rows on a machine that is busy with other tests. */
const patience = { timeout: 90_000 };

let written = 0;
function fileOf(lines: readonly string[]): string {
  written += 1;
  const path = join(folder, `people-${written}.txt`);
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

async function importPage(t: ExecutionContext, script?: string): Promise<Page> {
  const opened = await browser.open(rig.url, script === undefined ? {} : { scripts: [script] });
  t.teardown(() => opened.close());
  await opened.page.goto("/console/import");
  await opened.page.getByRole("heading", { name: "Import users" }).waitFor();
  return opened.page;
}

const countsOn = async (page: Page): Promise<Counts> => {
  const rows = page.getByRole("table", { name: /^Rows by what/ }).locator("tbody tr");
  const cells = await rows.evaluateAll((all) =>
    all.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent ?? "")),
  );
  return Object.fromEntries(
    cells.map(([outcome = "", count]) => [outcome.replace(/^\S+\s+/, ""), Number(count)]),
  ) as Counts;
};

async function check(page: Page, path: string): Promise<Counts> {
  await page.getByLabel(/^A file of users/).setInputFiles(path);
  await page.getByRole("button", { name: "Check the file" }).click();
  await page.getByText(/looked at; nothing is written yet$/).waitFor(patience);
  return countsOn(page);
}

async function importNow(page: Page, act: string): Promise<Counts> {
  await page.getByRole("button", { name: `${act}…` }).click();
  await page.getByRole("dialog").getByRole("button", { name: act, exact: true }).click();
  await page.getByText(/^. \d+ rows? of \w+ done$/).waitFor(patience);
  return countsOn(page);
}

async function savedFile(page: Page): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: /^Save \d+ refused rows/ }).click(),
  ]);
  return readFileSync(await download.path(), "utf8");
}

/** What the command makes of the file: its counts, and the file of what it refused. */
async function byCommand(path: string, dryRun: boolean): Promise<{ counts: Counts; rejected: string }> {
  const client = gatewayClient({ url: rig.url, doing: "import" });
  try {
    const { digest, format } = await surveyOf({ path });
    const source = await openRows({ path, format });
    const rejected = rejectedRows(`${path}.rejected.csv`, source.columns);
    const counts = { ...none };
    const order = {
      client,
      wishes: contractWishes,
      options: { dryRun, key: undefined, onTaken: "refuse" as const },
      keyPrefix: digest,
      correlationId: "import-command",
    };
    for await (const { outcome, source: row, reason = "" } of importRows(order, source.rows)) {
      if (outcome !== "passed over") counts[outcome] += 1;
      if (outcome === "refused") await rejected.add(row.cells, reason);
    }
    const name = await rejected.end();
    return { counts, rejected: name === undefined ? "" : readFileSync(name, "utf8") };
  } finally {
    client.close();
  }
}

const eventsOf = async (domain: string): Promise<number> => {
  const { rows } = await rig.usersDb.query("select count(*)::int as count from outbox where body like $1", [
    `%@${domain}%`,
  ]);
  return rows[0].count;
};

for (const format of ["csv", "ldif"] as const)
  test.serial(
    `a file in ${format} is looked at, imported, and found there by the next look, as the command does it`,
    async (t) => {
      const domain = `${format}.example`;
      const path = fileOf(files[format](domain));
      const page = await importPage(t);
      const beforehand = await byCommand(path, true);
      const looked = await check(page, path);
      t.deepEqual(looked, beforehand.counts, "a dry run of both says the same");
      t.is(looked.refused, 30);
      t.is(await savedFile(page), beforehand.rejected, "and refuses the same rows for the same reasons");
      t.is(await page.getByRole("table", { name: "Rows that are refused" }).locator("tbody tr").count(), 30);
      t.is(await eventsOf(domain), 0, "nothing was written");

      t.deepEqual(await importNow(page, "Import 270 users"), { ...none, created: 270, refused: 30 });
      t.is(await savedFile(page), beforehand.rejected);
      const id =
        (await page
          .locator("code", { hasText: /^import-[\da-f]{8}$/ })
          .first()
          .textContent()) ?? "";
      const trace = page.getByRole("link", { name: /request/ });
      t.is(await trace.getAttribute("href"), `/console/traces/${id}`);
      t.is(await eventsOf(domain), 270);

      t.deepEqual(await check(page, path), { ...none, unchanged: 270, refused: 30 });
      await page.getByText("There is nothing to import").waitFor();
      t.deepEqual((await byCommand(path, false)).counts, { ...none, unchanged: 270, refused: 30 });
      t.is(await eventsOf(domain), 270, "a repeat writes nothing, here or there");
    },
  );

test.serial("an import that is stopped says how far it is, and goes on from there", async (t) => {
  const domain = "stopped.example";
  const path = fileOf(files.csv(domain));
  const page = await importPage(t);
  await check(page, path);
  // The first writes are let through, the others wait until the page has been stopped.
  const through = 40;
  let writes = 0;
  await page.route("**/users", (route) => {
    writes += 1;
    if (writes <= through) return route.continue();
  });
  await page.getByRole("button", { name: "Import 270 users…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Import 270 users" }).click();
  await page.getByRole("progressbar", { name: "rows done" }).waitFor();
  await eventually(() => assert.ok(writes > through, `${writes} writes`), { timeoutMs: patience.timeout });
  await page.getByText(/^[1-9]\d* of 300 rows done/).waitFor(patience);
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByText(/Stopped after \d+ of 300 rows\. What is done stays done/).waitFor();
  await page.unroute("**/users");
  await page.getByRole("button", { name: "Go on with the file" }).click();
  await page.getByText(/^. 300 rows of csv done$/).waitFor(patience);
  const { created, unchanged, refused } = await countsOn(page);
  t.true(unchanged >= 30, `${unchanged} unchanged`);
  t.deepEqual([created + unchanged, refused], [270, 30]);
  t.is(await eventsOf(domain), 270);
});

test.serial(
  "an import waits for a gateway that says so, and tells each quarter of it, not each row",
  async (t) => {
    const page = await importPage(
      t,
      `globalThis.spoken = []; addEventListener("DOMContentLoaded", () =>
      new MutationObserver(() => {
        const text = document.querySelector('[aria-live="polite"]')?.textContent?.trim();
        if (text && text !== spoken.at(-1)) spoken.push(text);
      }).observe(document, { subtree: true, childList: true, characterData: true }));`,
    );
    let checks = 0;
    await page.route("**/users/checks", (route) => {
      checks += 1;
      const headers = { "content-type": "application/problem+json", "retry-after": "0" };
      const status = { 2: 429, 3: 503 }[checks];
      return status === undefined ? route.continue() : route.fulfill({ status, headers, body: "{}" });
    });
    const counts = await check(page, fileOf(files.csv("waits.example")));
    t.is(counts.created + counts.refused, 300);
    t.true(checks > 3);
    const spoken = (await page.evaluate("spoken")) as string[];
    t.is(spoken.at(-1), "Done: 300 rows, 30 refused");
    t.true(spoken.length >= 2 && spoken.length <= 10, spoken.join("\n"));
  },
);

test.serial("a file that can't be read is told with line and column, in the words of the page", async (t) => {
  const page = await importPage(t);
  await page
    .getByLabel(/^A file of users/)
    .setInputFiles(fileOf(["displayName;primarySmtp", "Ann;a@x.example;"]));
  await page.getByRole("button", { name: "Check the file" }).click();
  await page
    .getByRole("alert")
    .getByText("line 2, column 3: the row has 3 cells, the header has 2")
    .waitFor();
  writeFileSync(
    join(folder, "latin.csv"),
    Buffer.from("displayName,primarySmtp\n\xdcnsal,u@latin.example\n", "latin1"),
  );
  await page.getByLabel(/^A file of users/).setInputFiles(join(folder, "latin.csv"));
  await page.getByRole("button", { name: "Check the file" }).click();
  await page.getByText(/line 2, column 1: the byte 0xDC is no UTF-8 \(say encoding windows-1252/).waitFor();
  await page.getByText("How the file is read").click();
  await page.getByLabel("Encoding").selectOption("windows-1252");
  t.deepEqual(await check(page, join(folder, "latin.csv")), { ...none, created: 1 });
  await importNow(page, "Import 1 user");
  const { rows } = await rig.usersDb.query(
    "select display_name from users where primary_smtp = 'u@latin.example'",
  );
  t.is(rows[0]?.display_name, "Ünsal");
});
