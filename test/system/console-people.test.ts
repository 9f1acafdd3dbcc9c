/** What a help desk does at the console, in a browser, on the system as `npm start` runs it: addresses and their people. */
import anyTest, { type ExecutionContext, type TestFn } from "ava";
import { row, type SingleConsole, startSingleConsole, tells } from "../support/console-single.ts";
import { eventually } from "../support/eventually.ts";
import { ownAddress } from "../support/system-story.ts";

const test = anyTest as TestFn<SingleConsole>;

test.before(async (t) => {
  t.context = await startSingleConsole();
});
test.after.always((t) => t.context.stop?.());

type Context = ExecutionContext<SingleConsole>;

interface Made {
  readonly id: string;
  readonly primarySmtp: string;
}

async function make(
  t: Context,
  displayName: string,
  primarySmtp = ownAddress(),
  secondarySmtps: string[] = [],
): Promise<Made> {
  const answer = await t.context.ask("POST", "/users", { displayName, primarySmtp, secondarySmtps });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.json<Made>();
}

const words = (text: string): string => text.replace(/\s+/g, " ");

const dayMs = 86_400_000;

/** As if what has happened to the user had happened at these times, version by version. */
async function happenedAt(t: Context, userId: string, times: readonly Date[]): Promise<void> {
  const { users, registry } = t.context;
  await eventually(async () => {
    const { rows } = await users.query("select 1 from audit_entries where user_id = $1", [userId]);
    if (rows.length !== times.length) throw new Error(`${rows.length} entries`);
    const { rows: history } = await registry.query(
      "select 1 from watermarks where user_id = $1 and version = $2",
      [userId, times.length],
    );
    if (history.length === 0) throw new Error("the registry does not follow");
  });
  const client = await users.connect();
  try {
    // The log refuses changes to everybody but who may turn triggers off.
    await client.query("set session_replication_role = replica");
    for (const [index, at] of times.entries()) {
      await client.query("update audit_entries set at = $3 where user_id = $1 and version = $2", [
        userId,
        index + 1,
        at,
      ]);
      await registry.query("update address_history set at = $3 where user_id = $1 and version = $2", [
        userId,
        index + 1,
        at,
      ]);
    }
    await client.query("update users set deleted_at = $2 where id = $1 and deleted_at is not null", [
      userId,
      times.at(-1),
    ]);
    await registry.query(
      "update addresses set deleted_at = $2 where user_id = $1 and deleted_at is not null",
      [userId, times.at(-1)],
    );
  } finally {
    client.release(true);
  }
}

test.serial(
  "who had an address on a day long ago, and who made it so, is found from the first page",
  async (t) => {
    const { ask, open } = t.context;
    const address = ownAddress();
    const ann = (
      await ask(
        "POST",
        "/users",
        { displayName: "Ann Lee", primarySmtp: address },
        { actor: "hr-sync", correlationId: "ann-came" },
      )
    ).json<Made>();
    await ask(
      "PATCH",
      `/users/${ann.id}`,
      { primarySmtp: ownAddress() },
      { actor: "helpdesk", correlationId: "ann-moved" },
    );
    await ask("DELETE", `/users/${ann.id}`, undefined, { actor: "hr-sync" });
    const now = Date.now();
    const [came, moved, went] = [300, 200, 100].map((days) => new Date(now - days * dayMs)) as [
      Date,
      Date,
      Date,
    ];
    await happenedAt(t, ann.id, [came, moved, went]);

    const { page, settled } = await open(t, "/console");
    await page.getByRole("searchbox", { name: "An address, a name, or any id" }).fill(address);
    await page.getByRole("button", { name: "Find" }).click();
    await page.getByRole("heading", { level: 1, name: address }).waitFor();
    await page
      .getByRole("region", { name: "Now" })
      .getByText(/Nobody has it; Ann Lee had it last\. Quarantined until/)
      .waitFor();

    await page.getByLabel("Who had it at").fill(new Date(now - 250 * dayMs).toISOString().slice(0, 16));
    await page.getByRole("button", { name: "Show that time" }).click();
    const then = page.getByRole("region", { name: "At the time" });
    await then.getByText(/Ann Lee had it as primary, since/).waitFor();
    t.regex(page.url(), /\?at=\d{4}-\d\d-\d\dT/);
    await page.reload();
    await then.getByText(/Ann Lee had it as primary/).waitFor();
    t.is(await page.title(), "Address · mailroster", "no address in the tab's title");
    await then.getByText("Begun by local for hr-sync, request").waitFor();
    await then.getByText("Ended by local for helpdesk, request").waitFor();
    await then
      .getByText(/ Ended by local for helpdesk \(request ann-moved\)\.$/)
      .waitFor({ state: "attached" });

    const line = row(page, "Who had the address, newest first", "then");
    await line.getByText("hr-sync").waitFor();
    await line.getByText("ended by local for helpdesk").waitFor();
    await line.getByText("ann-came", { exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "Request" }).waitFor();
    await settled();
    await tells(page, "POST /users");
  },
);

test.serial("a suffix that was given stays on the page, with what was asked for and why", async (t) => {
  const { page } = await t.context.open(t, "/console/users/new");
  const { primarySmtp } = await make(t, "Bea First");
  await page.getByLabel("Name", { exact: false }).first().fill("Bea Second");
  await page.getByLabel("Primary address").fill(primarySmtp);
  await page.getByRole("button", { name: "Create user" }).click();
  const banner = page.getByRole("status").filter({ hasText: "was not given as primary" });
  await banner.getByText("active").waitFor();
  t.is(await banner.getByRole("link", { name: primarySmtp }).count(), 1);
  await banner.getByText("Its way:").getByText("complete").waitFor();
  const given = primarySmtp.replace("@", "2@");
  await banner.getByRole("link", { name: "Bea Second" }).click();
  await page.getByRole("heading", { level: 1, name: "Bea Second" }).waitFor();
  await row(page, "Addresses of the user", given).getByText("primary", { exact: true }).waitFor();
  await row(page, "What changed, newest first", "user created").getByText("local").waitFor();
});

test.serial("an address that is taken leads to who has it", async (t) => {
  const holder = await make(t, "Cleo Holder");
  const { id } = await make(t, "Cleo Seeker");
  const { page } = await t.context.open(t, `/console/users/${id}`);
  await page.getByLabel("A further address").fill(holder.primarySmtp);
  await page.getByRole("button", { name: "Add 1 address" }).click();
  const refusal = page.getByRole("alert");
  await refusal.getByRole("link", { name: "look at the address" }).waitFor();
  t.is(await page.getByLabel("A further address").inputValue(), holder.primarySmtp, "what was typed stays");
  await refusal.getByRole("link", { name: "who has it" }).click();
  await page.getByRole("heading", { level: 1, name: "Cleo Holder" }).waitFor();
});

test.serial(
  "an edit says what it changes, and shows theirs beside yours when somebody was faster",
  async (t) => {
    const { id } = await make(t, "Dan Old");
    const { page } = await t.context.open(t, `/console/users/${id}`);
    await page.getByRole("button", { name: "Edit…" }).click();
    const [name, external] = [
      page.getByRole("textbox", { name: "Name", exact: true }),
      page.getByRole("textbox", { name: "External id" }),
    ];
    await tells(page, "Nothing is changed yet.");
    t.true(await page.getByRole("button", { name: "Save 0 changes" }).isDisabled());
    await name.fill("Dan Mine");
    await external.fill("hr-1");
    await page.getByRole("button", { name: "Save 2 changes" }).waitFor();
    const changes = await page.locator("form.fields .changes li").allTextContents();
    t.deepEqual(changes.map(words), ["displayName Dan Old → to Dan Mine", "externalId none → to hr-1"]);

    t.is((await t.context.ask("PATCH", `/users/${id}`, { displayName: "Dan Theirs" })).status, 200);
    await page.getByRole("button", { name: "Save 2 changes" }).click();
    const clash = page.getByRole("table", { name: "Somebody was faster: version 2" });
    await clash.waitFor();
    t.deepEqual(await clash.getByRole("row").allInnerTexts(), [
      "Field\tWas\tTheirs\tYours",
      "displayName\tDan Old\tDan Theirs\tDan Mine",
      "externalId\tnone\tnone\thr-1",
    ]);
    await tells(page, "Version 2 was made by local");
    await page.getByRole("heading", { level: 1, name: "Dan Theirs" }).waitFor();
    t.is(await page.getByRole("button", { name: /^Save / }).count(), 0, "there is one way to save, not two");
    t.is(
      (await t.context.ask("GET", `/users/${id}`)).json<{ displayName: string }>().displayName,
      "Dan Theirs",
      "nothing is overwritten unseen",
    );

    t.is((await t.context.ask("PATCH", `/users/${id}`, { displayName: "Dan Again" })).status, 200);
    await page.getByRole("button", { name: "Write yours over version 2" }).click();
    await page.getByRole("button", { name: "Write yours over version 3" }).click();
    await tells(page, "Saved as version 4.");
    await page.getByRole("heading", { level: 1, name: "Dan Mine" }).waitFor();
    await row(page, "What changed, newest first", "hr-1").waitFor();
  },
);

test.serial("of addresses the consequence is said before, and Cancel changes nothing", async (t) => {
  const [second, third] = [ownAddress(), ownAddress()];
  const { id, primarySmtp } = await make(t, "Eve", ownAddress(), [second]);
  const { page } = await t.context.open(t, `/console/users/${id}`);
  await page.getByRole("button", { name: `Make primary… ${second}` }).click();
  const dialog = page.getByRole("dialog");
  await dialog
    .getByText(`${second} becomes the primary, ${primarySmtp} becomes secondary and stays.`)
    .waitFor();
  t.true(await dialog.getByRole("button", { name: "Cancel" }).evaluate((button) => button.matches(":focus")));
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("button", { name: `Make primary… ${second}` }).click();
  await dialog.getByRole("button", { name: "Make it the primary" }).click();
  await tells(page, "The primary was changed. Version 2.");
  await row(page, "Addresses of the user", second).getByText("primary", { exact: true }).waitFor();

  await page.getByLabel("A further address").fill(third);
  await page.getByRole("button", { name: "Add 1 address" }).click();
  await tells(page, "The address was added. Version 3.");
  await page.getByRole("button", { name: `Remove… ${third}` }).click();
  await dialog.getByText(`Anyone can take ${third} at once`).waitFor();
  await dialog.getByRole("button", { name: "Remove 1 address" }).click();
  await tells(page, "The address was removed. Version 4.");
  t.like((await t.context.ask("GET", `/users/${id}`)).json(), {
    primarySmtp: second,
    secondarySmtps: [primarySmtp],
    version: 4,
  });
  await row(page, "What changed, newest first", "v4").getByText(`removed ${third}`).waitFor();

  const renamed = ownAddress();
  await page.getByLabel("A further address").fill(renamed);
  await page.getByRole("button", { name: "Rename primary to it…" }).click();
  await dialog.getByText(`${renamed} becomes the primary, ${second} becomes secondary and stays.`).waitFor();
  await dialog.getByRole("button", { name: "Make it the primary" }).click();
  await tells(page, "The primary was changed. Version 5.");
  t.like((await t.context.ask("GET", `/users/${id}`)).json(), {
    primarySmtp: renamed,
    secondarySmtps: [primarySmtp, second],
  });
});

test.serial(
  "a deletion wants the address typed, tells both its dates, and is taken back by a restore",
  async (t) => {
    const { id, primarySmtp } = await make(t, "Fay");
    const { page } = await t.context.open(t, `/console/users/${id}`);
    await page.getByRole("button", { name: "Delete the user…" }).click();
    const dialog = page.getByRole("dialog");
    const act = dialog.getByRole("button", { name: "Delete 1 user" });
    t.true(await act.isDisabled());
    await dialog.getByLabel(`Type ${primarySmtp} to go on`).fill(primarySmtp.slice(1));
    t.true(await act.isDisabled());
    await dialog.getByLabel(`Type ${primarySmtp} to go on`).fill(primarySmtp);
    await act.click();
    await page
      .getByText(
        /^░ Deleted .* Until .* a restore gets back all addresses; until .* nobody else gets them\.$/,
      )
      .waitFor();
    await page.getByRole("status").filter({ hasText: "Deleted." }).getByText("complete").waitFor();
    await row(page, "What changed, newest first", "user deleted").waitFor();
    await page.getByRole("button", { name: "Restore the user" }).click();
    await tells(page, "Restored, with all addresses.");
    await page.getByRole("button", { name: "Delete the user…" }).waitFor();
    t.is(await page.getByRole("status").filter({ hasText: "Deleted." }).count(), 0);
  },
);

test.serial("an address that is kept can be released, and then is anyone's", async (t) => {
  const { id, primarySmtp } = await make(t, "Gil");
  await t.context.ask("DELETE", `/users/${id}`);
  const { page } = await t.context.open(t, `/console/addresses/${primarySmtp}`);
  await page.getByRole("region", { name: "Now" }).getByText("Kept for").waitFor();
  await page.getByRole("button", { name: "Release the address…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Reason, kept with who did it").fill("it goes to her successor");
  await dialog.getByLabel(`Type ${primarySmtp} to go on`).fill(primarySmtp);
  await dialog.getByRole("button", { name: "Release 1 address" }).click();
  await tells(page, "Released: anyone may take it.");
  await page.getByRole("region", { name: "Now" }).getByText("Nobody has it: anyone may take it.").waitFor();
  const free = (await t.context.ask("GET", `/smtp/${primarySmtp}`)).json<{ status: string }>();
  t.is(free.status, "available");
});
