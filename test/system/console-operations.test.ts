/** What an operator and an owner do at the console, in a browser, on the system as `npm start` runs it. */
import { readFile } from "node:fs/promises";
import anyTest, { type ExecutionContext, type TestFn } from "ava";
import { row, type SingleConsole, startSingleConsole, tells, titled } from "../support/console-single.ts";
import { eventually } from "../support/eventually.ts";
import { ownAddress } from "../support/system-story.ts";

const test = anyTest as TestFn<SingleConsole>;
type Context = ExecutionContext<SingleConsole>;

test.before(async (t) => {
  t.context = await startSingleConsole({ RECONCILE_MINUTES: "0", RECONCILE_GRACE_MS: "100" });
});
test.after.always((t) => t.context.stop?.());

async function make(t: Context, correlationId: string): Promise<string> {
  const body = { displayName: "Ann Lee", primarySmtp: ownAddress() };
  const answer = await t.context.ask("POST", "/users", body, { correlationId });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.json<{ id: string }>().id;
}

/** On a busy machine. */
const patience = { timeoutMs: 30_000 };

const followed = (t: Context, correlationId: string): Promise<void> =>
  eventually(async () => {
    const { verdict } = (await t.context.ask("GET", `/trace/${correlationId}`)).json<{
      verdict?: { state: string };
    }>();
    if (verdict?.state !== "complete") throw new Error(`The trace is ${verdict?.state}`);
  }, patience);

/** The audit log can't take entries whose correlation id begins so, until what is returned is called. */
async function refusesEntries(t: Context, stem: string, code: string): Promise<() => Promise<void>> {
  const { users } = t.context;
  await users.query(`create function refuse_${stem}() returns trigger language plpgsql as
      $$ begin raise exception 'no room' using errcode = '${code}'; end $$;
    create trigger refuse_${stem} before insert on audit_entries for each row
      when (new.correlation_id like '${stem}-%') execute function refuse_${stem}()`);
  return async () => void (await users.query(`drop trigger refuse_${stem} on audit_entries`));
}

const lettersPending = (t: Context, stem: string, count: number): Promise<{ id: string }[]> =>
  eventually(async () => {
    const { items } = (await t.context.ask("GET", "/dead-letters?limit=200")).json<{
      items: { id: string; correlationId: string }[];
    }>();
    const own = items.filter(({ correlationId }) => correlationId.startsWith(`${stem}-`));
    if (own.length !== count) throw new Error(`${own.length} letters instead of ${count}`);
    return own;
  }, patience);

test.serial("what differs is found, repaired and accepted, each with what it does said before", async (t) => {
  const { users, registry, open } = t.context;
  const [behind, gone] = [await make(t, "differs-1"), await make(t, "differs-2")];
  for (const id of ["differs-1", "differs-2"]) await followed(t, id);
  const { page } = await open(t, "/console");
  await page.getByRole("link", { name: "Do users, registry and audit log agree?" }).click();
  await tells(page, "There was none yet");
  await page.getByRole("button", { name: "Compare now" }).click();
  await tells(page, "They agree");

  await registry.query("update watermarks set version = 0 where user_id = $1", [behind]);
  const client = await users.connect();
  await client.query("set session_replication_role = replica");
  await client.query("delete from audit_entries where user_id = $1", [gone]);
  client.release(true);
  await page.getByRole("button", { name: "Compare now" }).click();
  await row(page, "Differences, the first of them", "registry_behind").waitFor();
  await tells(page, "2 users checked · 2 violations");

  const dialog = page.getByRole("dialog");
  await page.getByRole("button", { name: `Repair… user ${behind}` }).click();
  await dialog.getByText("told again under a newer version").waitFor();
  await dialog.getByRole("button", { name: "Repair 1 user" }).click();
  await tells(page, "1 told again, 0 that no event can mend");

  await page.getByRole("button", { name: "Compare now" }).click();
  await page.getByRole("button", { name: `Acknowledge… user ${gone}` }).click();
  const act = dialog.getByRole("button", { name: "Acknowledge 1 difference" });
  await dialog.getByLabel("Type 1 to go on").fill("1");
  t.true(await act.isDisabled(), "without a reason it is not done");
  await dialog.getByLabel("Reason, kept with who did it").fill("deleted by hand, ticket 4711");
  await act.click();
  await tells(page, "1 acknowledged");
  await page.getByRole("button", { name: "Compare now" }).click();
  await row(page, "Acknowledged differences", "deleted by hand, ticket 4711").waitFor();
  await tells(page, "They agree");
});

test.serial(
  "three events are dead: one is replayed, then the rest, and how many came back is told",
  async (t) => {
    const mend = await refusesEntries(t, "dead", "22P05");
    for (const n of [1, 2, 3]) await make(t, `dead-${n}`);
    await lettersPending(t, "dead", 3);
    const { page } = await t.context.open(t, "/console");
    await page.getByRole("link", { name: "What was given up, and is it mended?" }).click();
    const cause = row(page, "Causes, the one that failed last first", "22P05");
    await cause.getByRole("link").click();
    const verdict = page.getByRole("region", { name: "The cause" });
    await verdict.getByText("3 letters pending").waitFor();

    await page.getByRole("button", { name: "Replay all 3…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("No letter of it was tried on this page yet").waitFor();
    await dialog.getByText("3 pending, the oldest first failed").waitFor();
    await dialog.getByRole("button", { name: "Replay 3 letters" }).click();
    const outcome = page.getByRole("region", { name: "Replay of the cause" });
    await outcome.getByText("3 of 3 sent · 3 came back").waitFor();
    await verdict.getByText("3 letters pending").waitFor();

    await mend();
    await page.getByRole("button", { name: "Replay 1 letter first" }).click();
    await tells(page, "It is in its queue again.");
    await verdict.getByText("2 letters pending").waitFor();
    await page.getByRole("button", { name: "Replay the rest…" }).click();
    await dialog.getByText("2 pending").waitFor();
    await dialog.getByRole("button", { name: "Replay 2 letters" }).click();
    await outcome.getByText("2 of 2 sent · 0 came back").waitFor();
    await tells(page, "Nothing of this cause is pending");
    await tells(page, "No letter fits");
    for (const n of [1, 2, 3]) await followed(t, `dead-${n}`);
    await page.reload();
    await outcome.getByText("2 of 2 sent · 0 came back").waitFor();
    t.regex(page.url(), /[?&]replay=/);
  },
);

test.serial("a request whose event is dead is mended where it is asked for", async (t) => {
  const mend = await refusesEntries(t, "stuck", "22003");
  await make(t, "stuck-1");
  await lettersPending(t, "stuck", 1);
  const { page } = await t.context.open(t, "/console");
  await page.getByRole("searchbox").fill("stuck-1");
  await page.keyboard.press("Enter");
  const verdict = page.getByRole("region", { name: "Verdict" });
  await verdict.getByText("✕ stuck").waitFor();
  await titled(page, "stuck · Request · mailroster");
  await mend();
  await verdict.getByRole("button", { name: /^Replay letter / }).click();
  await verdict.getByText("✓ complete").waitFor();
  await titled(page, "Request · mailroster");
  t.is(await verdict.getByRole("button").count(), 0);
});

test.serial(
  "a letter shows what is in it, and is discarded for a reason alone, which is on record",
  async (t) => {
    await refusesEntries(t, "lost", "22012");
    await make(t, "lost-1");
    const [{ id } = { id: "" }] = await lettersPending(t, "lost", 1);
    const { page } = await t.context.open(t, `/console/dead-letters/${id}`);
    await page.getByRole("button", { name: "Reveal what is in it" }).click();
    await tells(page, '"displayName": "Ann Lee"');
    await page.getByRole("button", { name: "Discard 1 letter…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("nothing can put the entry into the log any more").waitFor();
    await dialog.getByLabel("Reason, kept with who did it").fill("a test's");
    await dialog.getByLabel("Type 1 to go on").fill("1");
    await dialog.getByRole("button", { name: "Discard 1 letter" }).click();
    await page.getByRole("heading", { level: 1 }).getByText("discarded").waitFor();

    const why = row(page, "Activity, newest first", "dead-letters.discard").getByText("a test's");
    await eventually(async () => {
      await page.goto(`/console/activity?target=${id}`);
      await why.waitFor({ timeout: 1_000 });
    });
    t.is(await why.count(), 1);
  },
);

test.serial(
  "a key is shown once, has another one made in its place, and ends when it is revoked",
  async (t) => {
    const { page, settled } = await t.context.open(t, "/console/keys");
    await page.getByText("Make a key", { exact: true }).click();
    await page.getByLabel("Name", { exact: false }).fill("desk");
    await page.getByLabel("Role").selectOption("helpdesk");
    await page.getByRole("button", { name: "Make key" }).click();
    await tells(page, "Copy it now: it is shown this once.");
    const shown = page.getByText(/^mrk_live_/);
    const key = (await shown.textContent()) ?? "";
    const made = row(page, "Access keys, newest first", "desk").filter({ hasText: "active" });
    await made.waitFor();
    await page.reload();
    await made.waitFor();
    t.is(await shown.count(), 0);

    const dialog = page.getByRole("dialog");
    await page.getByRole("button", { name: /^Rotate… desk/ }).click();
    await dialog.getByText("is good for 24 hours beside it").waitFor();
    await dialog.getByRole("button", { name: "Make key in its place" }).click();
    await shown.waitFor();
    t.not(await shown.textContent(), key);
    await settled();
    t.is(await made.count(), 2);

    const id = key.split("_")[2] ?? "";
    await page.getByRole("button", { name: `Revoke… desk ${id}` }).click();
    await dialog.getByLabel("Reason, kept with who did it").fill("lost");
    await dialog.getByLabel("Type desk to go on").fill("desk");
    await dialog.getByRole("button", { name: "Revoke 1 key" }).click();
    await tells(page, "Revoked: it is refused everywhere within 5 s.");
    await row(page, "Access keys, newest first", id).getByText("revoked").waitFor();
  },
);

test.serial(
  "the first domain is asked for, a further one is not, and one with addresses is not taken back",
  async (t) => {
    await make(t, "domains-1");
    const { page } = await t.context.open(t, "/console/domains");
    await tells(page, "Addresses are taken in any domain.");
    const declare = async (domain: string): Promise<void> => {
      await page.getByLabel("A further domain").fill(domain);
      await page.getByRole("button", { name: "Declare 1 domain" }).click();
    };
    const dialog = page.getByRole("dialog");
    await declare("example.com");
    await dialog.getByText("From then on a new address in any other domain").waitFor();
    await dialog.getByRole("button", { name: "Declare 1 domain" }).click();
    await row(page, "Accepted domains", "example.com").waitFor();
    await declare("other.example");
    await row(page, "Accepted domains", "other.example").getByText("local").waitFor();

    const takeBack = async (domain: string): Promise<void> => {
      await page.getByRole("button", { name: `Take back… ${domain}` }).click();
      await dialog.getByLabel(`Type ${domain} to go on`).fill(domain);
      await dialog.getByRole("button", { name: "Take 1 domain back" }).click();
      await dialog.waitFor({ state: "detached" });
    };
    await takeBack("other.example");
    await row(page, "Accepted domains", "other.example").waitFor({ state: "detached" });
    await takeBack("example.com");
    await page
      .getByRole("alert")
      .getByText(/addresses live in it/)
      .waitFor();
    t.is(await row(page, "Accepted domains", "example.com").count(), 1);
  },
);

test.serial(
  "entries are filtered by what is in the URL, and what is shown is what the file has",
  async (t) => {
    const id = await make(t, "filter-1");
    await t.context.ask("PATCH", `/users/${id}`, { displayName: "=cmd" }, { correlationId: "filter-2" });
    await followed(t, "filter-2");
    const { page } = await t.context.open(t, "/console/audit");
    await page.getByLabel("User id").fill(id);
    await page.getByRole("button", { name: "Apply" }).click();
    const entries = page.getByRole("table", { name: "Entries of the audit log" }).getByRole("row");
    await entries.nth(2).waitFor();
    t.is(await entries.count(), 3);
    await page.getByLabel("What").selectOption("user.updated");
    await row(page, "Entries of the audit log", "user created").waitFor({ state: "detached" });
    t.is(new URL(page.url()).search, `?userId=${id}&action=user.updated`);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Export these as CSV" }).click(),
    ]);
    await page.getByText(/^✓ Saved 1 entry: audit-.*\.csv$/).waitFor();
    const lines = (await readFile(await download.path(), "utf8")).trimEnd().split("\r\n");
    t.is(lines[0], "at,action,userId,version,actor,onBehalfOf,correlationId,changes");
    t.is(lines.length, 2);
    t.regex(lines[1] ?? "", new RegExp(`,user\\.updated,${id},2,local,,filter-2,`));
    await page.getByRole("button", { name: "Clear" }).click();
    await row(page, "Entries of the audit log", "filter-1").waitFor();
    t.is(new URL(page.url()).search, "");
  },
);
