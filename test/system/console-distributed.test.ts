/** The console in a browser while parts of the system are slow, failing or away, and for roles that may do less. */
import { strict as assert } from "node:assert";
import anyTest, { type TestFn } from "ava";
import type { Page } from "playwright-core";
import { row, tells, titled } from "../support/console-single.ts";
import { ConsoleStage } from "../support/console-stage.ts";
import { bounded, eventually } from "../support/eventually.ts";
import { ownAddress } from "../support/system-story.ts";

const test = anyTest as TestFn<{ stage: ConsoleStage }>;

test.before(async (t) => {
  t.context.stage = await ConsoleStage.start();
});
test.after.always((t) => t.context.stage?.stop());

const buttons = (page: Page): Promise<string[]> => page.getByRole("main").getByRole("button").allInnerTexts();

test.serial("a viewer has no button of more than a viewer, and a line says what it would take", async (t) => {
  const { id } = await t.context.stage.make("Ann Lee");
  const { id: keyId, key } = await t.context.stage.keyFor("viewer");
  const at = await t.context.stage.page(t);
  const { page } = at;
  await page.goto(`/console/users/${id}`);
  await page.getByLabel("Access key").fill(key);
  await page.getByRole("button", { name: "Sign in with the key" }).click();
  await page.getByRole("heading", { level: 1, name: "Ann Lee" }).waitFor();
  await at.settled();
  t.deepEqual(await buttons(page), ["Copy"]);
  await tells(page, "Changing addresses needs the scope users:write; you are viewer.");
  await tells(page, "Deleting a user needs the scope users:delete; you are viewer.");
  await tells(page, "Who changed it, and when needs the scope audit:read; you are viewer.");
  const ways = page.getByRole("navigation", { name: "Pages of the console" }).getByRole("link");
  t.deepEqual(await ways.allInnerTexts(), ["Users", "Domains", "Settings"]);
  await page.goto("/console/dead-letters");
  await tells(page, /needs the scope letters:read; you are viewer\./);
  t.deepEqual(await buttons(page), []);
  await page.goto(`/console/traces/some-id`);
  await tells(page, /needs the scope trace:read; you are viewer\./);
  const { items } = (
    await t.context.stage.ask("GET", `/activity?allowed=false&principal=key:${keyId}`)
  ).json<{ items: unknown[] }>();
  t.deepEqual(items, [], "nothing was asked for that would have been refused");
});

test.serial(
  "an operator sees no name and no address, and that it looked into a letter is on record",
  async (t) => {
    const { users } = t.context.stage;
    await users.query(`create function refuse() returns trigger language plpgsql as
      $$ begin raise exception 'no room' using errcode = '22P05'; end $$;
    create trigger refuse before insert on audit_entries for each row
      when (new.correlation_id = 'masked') execute function refuse()`);
    const { primarySmtp } = await t.context.stage.make("Zelda Unseen", "masked");
    const { page, settled } = await t.context.stage.openAs(t, "operator", "/console/traces/masked");
    const verdict = page.getByRole("region", { name: "Verdict" });
    await verdict.getByText("✕ stuck").waitFor();
    const seen = async (): Promise<string> => (await page.locator("body").textContent()) ?? "";
    await page.getByRole("link", { name: "its dead letter" }).click();
    await tells(page, "Who looks is on record; names and addresses are masked.");
    await page.getByRole("button", { name: "Reveal what is in it" }).click();
    await tells(page, '"primarySmtp"');
    await settled();
    t.notRegex(await seen(), new RegExp(`Zelda|Unseen|${primarySmtp}`));
    t.regex(await seen(), /"displayName": "\*\*\*"/);
    const letterId = page.url().split("/").at(-1) ?? "";
    await page.goBack();
    await verdict.waitFor();
    await users.query("drop trigger refuse on audit_entries");
    await verdict.getByRole("button", { name: /^Replay letter / }).click();
    await verdict.getByText("✓ complete").waitFor();
    t.notRegex(await seen(), new RegExp(`Zelda|Unseen|${primarySmtp}`));

    const owner = await t.context.stage.openAs(t, "owner", `/console/activity?target=${letterId}`);
    for (const action of ["dead-letters.get", "dead-letters.replay"])
      await row(owner.page, "Activity, newest first", action).getByText("key:").first().waitFor();
  },
);

test.serial("what is slow shows nothing for 300 ms, then a skeleton, and then what it was", async (t) => {
  const { id } = await t.context.stage.make("Slow Ann");
  const { page } = await t.context.stage.openAs(t, "helpdesk", "/console/users");
  await t.context.stage.fault(t, "users.get", { delayMs: 1_500 });
  const shown = page.evaluate(
    `new Promise((resolve) => {
      let fromMs;
      new MutationObserver(() => {
        if (fromMs === undefined && document.querySelector("h1")?.textContent === "User") fromMs = performance.now();
        if (document.querySelector(".skeleton")) resolve(performance.now() - fromMs);
      }).observe(document.body, { childList: true, subtree: true, characterData: true });
    })`,
  ) as Promise<number>;
  await page.getByRole("link", { name: "Slow Ann" }).click();
  const waitedMs = await bounded(shown, 30_000, () => "There was no skeleton");
  t.true(waitedMs >= 299, `the skeleton came after ${waitedMs} ms`);
  await page.getByRole("heading", { level: 1, name: "Slow Ann" }).waitFor();
  t.regex(page.url(), new RegExp(id));
});

test.serial("what fails says so with the id of its request, and comes by itself once it works", async (t) => {
  const { id } = await t.context.stage.make("Failing Ann");
  const clear = await t.context.stage.fault(t, "users.get", { errorRate: 1 });
  const { page } = await t.context.stage.openAs(t, "helpdesk", `/console/users/${id}`);
  const alert = page.getByRole("alert");
  await alert
    .getByText(/unavailable/i)
    .first()
    .waitFor();
  await tells(page, /Tried again by itself in \d+ s\.$/);
  await page.getByRole("button", { name: "Copy the id of this request" }).waitFor();
  await clear();
  await page.getByRole("heading", { level: 1, name: "Failing Ann" }).waitFor();
  t.is(await alert.count(), 0);
});

test.serial(
  "a write that finds no room is repeated by itself, under one key, and takes effect once",
  async (t) => {
    const clear = await t.context.stage.fault(t, "smtp-registry.reserve", { errorRate: 1 });
    const { page } = await t.context.stage.openAs(t, "helpdesk", "/console/users/new");
    const keys: string[] = [];
    page.on("request", (sent) => {
      if (sent.method() === "POST") keys.push(sent.headers()["idempotency-key"] ?? "none");
    });
    const address = ownAddress();
    await page.getByLabel("Name", { exact: false }).first().fill("Repeated Ann");
    await page.getByLabel("Primary address").fill(address);
    await page.getByRole("button", { name: "Create user" }).click();
    await tells(page, /Tried again by itself (now|in \d+ s), under the same key\./);
    t.true(await page.getByRole("button", { name: "Create user" }).isDisabled());
    await clear();
    await page.getByRole("status").getByRole("link", { name: "Repeated Ann" }).waitFor();
    t.true(keys.length > 1);
    t.is(new Set(keys).size, 1, keys.join());
    const { items } = (await t.context.stage.ask("GET", `/users?smtp=${address}`)).json<{
      items: unknown[];
    }>();
    t.is(items.length, 1);
  },
);

test.serial("what a role may not change is refused in the gateway's own words", async (t) => {
  const { stage } = t.context;
  const limited = await stage.keyFor("helpdesk", ["other.example"]);
  const { page } = await stage.openAs(t, limited, "/console/users/new");
  await page.getByLabel("Name", { exact: false }).first().fill("Ann");
  await page.getByLabel("Primary address").fill(ownAddress());
  await page.getByRole("button", { name: "Create user" }).click();
  await page
    .getByRole("alert")
    .getByText(/other\.example/)
    .waitFor();
  t.is(await page.getByText(/Tried again by itself/).count(), 0, "what is refused is not repeated");
});

test.serial(
  "a device without a network shows what it had, says from when, and looks again once it can",
  async (t) => {
    const { page, context } = await t.context.stage.openAs(t, "operator", "/console/system");
    await page.getByRole("heading", { name: "The way of an event" }).waitFor();
    await context.setOffline(true);
    await tells(page, "This device is offline.");
    await tells(page, /As of .*: can't refresh \(No answer\)\./);
    await titled(page, "can't refresh · System · mailroster");
    await page.getByRole("heading", { name: "The way of an event" }).waitFor();
    await context.setOffline(false);
    await titled(page, "System · mailroster");
    t.is(await page.getByText("This device is offline.").count(), 0);
  },
);

test.serial(
  "who is signed out by an owner signs in again in another window, and what was typed stays",
  async (t) => {
    const { stage } = t.context;
    const ended = await stage.keyFor("helpdesk");
    const { page, context } = await stage.openAs(t, ended, "/console/users/new");
    await page.getByLabel("Name", { exact: false }).first().fill("Ann Typed");
    await page.getByLabel("Primary address").fill(ownAddress());
    const body = { kind: "principal", id: `key:${ended.id}`, reason: "a test's" };
    const revoked = await stage.ask("POST", "/session/revocations", body);
    t.true(revoked.status < 300, revoked.text);
    await eventually(async () => assert.equal((await context.request.get("/users")).status(), 401));
    await page.getByRole("button", { name: "Create user" }).click();
    await tells(page, "Your session has ended. What is on this page stays.");
    const [other] = await Promise.all([
      context.waitForEvent("page"),
      page.getByRole("link", { name: "Sign in again in a new window" }).click(),
    ]);
    await other.getByLabel("Access key").fill((await stage.keyFor("helpdesk")).key);
    await other.getByRole("button", { name: "Sign in with the key" }).click();
    await other.getByRole("heading", { level: 1, name: "What is this?" }).waitFor();
    await other.close();
    await page.getByRole("button", { name: "I have signed in" }).click();
    await page.getByText("Your session has ended.").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Create user" }).click();
    await page.getByRole("status").getByRole("link", { name: "Ann Typed" }).waitFor();
  },
);

test.serial(
  "while smtp-registry is away a request says so, and that it has ended comes by itself",
  async (t) => {
    const { stage } = t.context;
    const { registry } = stage.system;
    const { id } = await stage.make("Ann Waiting", "came");
    await stage.followed("came");
    const accept = await stage.refuseEventsOf(id);
    const changed = await stage.ask("PATCH", `/users/${id}`, { displayName: "Ann Waited" }, "waiting");
    t.is(changed.status, 200, changed.text);
    registry.kill("SIGKILL");
    await registry.exited();
    await accept();
    const { page } = await stage.openAs(t, "owner", "/console");
    await page.getByRole("searchbox").fill("waiting");
    await page.getByRole("button", { name: "Find" }).click();
    const verdict = page.getByRole("region", { name: "Verdict" });
    await verdict.getByText("? unknown").waitFor();
    await tells(page, /What smtp-registry knows can't be shown now: /);
    await page
      .getByRole("listitem")
      .filter({ hasText: /smtp-registry · can't be asked now/ })
      .first()
      .waitFor();
    await page.getByRole("link", { name: "System" }).click();
    await row(page, "Services", "smtp-registry").getByText("? unknown").waitFor();
    await titled(page, /problems? · System/);
    await page.goBack();
    await stage.again(registry);
    await verdict.getByText("✓ complete").waitFor({ timeout: 30_000 });
    await page.getByRole("status").filter({ hasText: "Verdict: complete" }).waitFor({ state: "attached" });
  },
);

test.serial(
  "while users is away an address still tells who has it, and that names are missing, until it is back",
  async (t) => {
    const { stage } = t.context;
    const { users } = stage.system;
    const { id, primarySmtp } = await stage.make("Ann Absent", "absent");
    const at = await stage.openAs(t, "owner", `/console/addresses/${primarySmtp}`);
    const { page } = at;
    const verdict = page.getByRole("region", { name: "Now" });
    await verdict.getByRole("link", { name: "Ann Absent" }).waitFor();
    users.kill("SIGKILL");
    await users.exited();
    await page.reload();
    await verdict.getByText(/has it as primary/).waitFor();
    t.regex((await verdict.textContent()) ?? "", new RegExp(id.slice(-4)));
    await tells(page, /Names can't be shown now: /);
    // Who looks into the past is on record, and the record is with users.
    await tells(page, /it needs the record of what is read/);
    await page.goto("/console/traces/absent");
    // The trace is told by the same process.
    await page.getByRole("alert").first().waitFor();
    await tells(page, /Tried again by itself/);
    await page.goto("/console/users");
    await page.getByRole("alert").first().waitFor();
    await tells(page, /Tried again by itself/);
    await page.goto(`/console/addresses/${primarySmtp}`);
    await tells(page, /Names can't be shown now: /);
    await stage.again(users);
    await verdict.getByRole("link", { name: "Ann Absent" }).waitFor({ timeout: 30_000 });
    t.is(await page.getByText(/can't be shown now/).count(), 0);
  },
);

test.serial(
  "while RabbitMQ is away the console opens, names what it can't ask, and goes on when it is back",
  async (t) => {
    const { stage } = t.context;
    const { page } = await stage.openAs(t, "owner", "/console");
    await stage.proxy.refuse();
    t.teardown(() => stage.proxy.accept());
    await page.reload();
    await page.getByRole("heading", { level: 1, name: "What is this?" }).waitFor();
    await page.getByRole("link", { name: "System" }).click();
    await row(page, "Services", "users").getByText("? unknown").waitFor();
    await titled(page, /problems? · System/);
    await page.getByRole("link", { name: "Users" }).click();
    await page.getByRole("alert").first().waitFor();
    await tells(page, /Tried again by itself/);
    await stage.proxy.accept();
    await page.getByRole("table", { name: "Users" }).waitFor({ timeout: 40_000 });
    t.is(await page.getByRole("alert").count(), 0);
  },
);
