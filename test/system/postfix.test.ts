/** What SMTP clients see of a real Postfix that asks a running mailroster, and what they never see when that is away. */
import assert from "node:assert/strict";
import test, { type ExecutionContext } from "ava";
import { eventually } from "../support/eventually.ts";
import { addressIs, isNotTested, type MailSystem, mailSystem } from "../support/mail-system.ts";
import { mayStartPostfix } from "../support/postfix.ts";
import { request } from "../support/processes.ts";
import { type SmtpClient, smtpClient } from "../support/smtp.ts";
import { rawSocketmap, socketmap } from "../support/socketmap.ts";

const followTimeoutMs = 60_000;
/** From the end of a fault to the first letter that is taken. */
const recoveryMsMax = 5_000;
const known = "250 2.1.5 Ok";
let mail: MailSystem;
let renamed = "";

test.before(async () => {
  if (!mayStartPostfix()) return;
  mail = await mailSystem();
  const ann = await mail.create({
    primarySmtp: "ann@example.com",
    secondarySmtps: ["ann.lee@example.com", "strasse@example.com"],
  });
  renamed = ann.id;
  await mail.create({ primarySmtp: "bo@bücher.example" });
  await mail.create({ primarySmtp: "away@example.com", active: false });
  const { httpUrl } = mail.system.gateway;
  for (const primarySmtp of ["gone@example.com", "long.gone@example.com"]) {
    const { id } = await mail.create({ primarySmtp });
    await request(`${httpUrl}/users/${id}`, { method: "DELETE" });
    await addressIs(httpUrl, primarySmtp, "deleted");
  }
  await mail.age("long.gone@example.com", 31);
  await addressIs(httpUrl, "long.gone@example.com", "quarantined");
});
test.after.always(async () => {
  if (mayStartPostfix()) await mail?.end();
});

async function withClient(t: ExecutionContext, use: (client: SmtpClient) => Promise<void>): Promise<void> {
  if (isNotTested(t)) return void t.pass();
  const client = await smtpClient(mail.postfix.smtpPort);
  await use(client);
  await client.end();
}

const answers: [what: string, address: string, answer: RegExp][] = [
  ["a primary", "ann@example.com", /^250 2\.1\.5 /],
  ["any case", "ANN@Example.COM", /^250 2\.1\.5 /],
  ["a secondary", "Ann.Lee@example.com", /^250 2\.1\.5 /],
  ["a tag", "ann+news@example.com", /^250 2\.1\.5 /],
  ["a tag of a secondary", "ann.lee+news@example.com", /^250 2\.1\.5 /],
  ["a domain in its letters", "bo@bücher.example", /^250 2\.1\.5 /],
  ["a domain in ASCII", "bo@xn--bcher-kva.example", /^250 2\.1\.5 /],
  ["what Postfix folds before it asks", "straße@example.com", /^250 2\.1\.5 /],
  ["a deleted user's", "gone@example.com", /^550 5\.1\.1 .*no longer in use/],
  ["one in quarantine", "long.gone@example.com", /^550 5\.1\.1 .*no longer in use/],
  ["a disabled user's", "away@example.com", /^550 5\.2\.1 .*disabled/],
  ["nobody's", "nobody@example.com", /^550 5\.1\.1 .*User unknown/],
  ["nobody's with a tag", "nobody+ann@example.com", /^550 5\.1\.1 /],
  ["a blocked name", "root@example.com", /^550 5\.1\.1 .*User unknown/],
  ["another domain", "ann@elsewhere.example", /^554 5\.7\.1 .*Relay access denied/],
];

for (const [what, address, answer] of answers)
  test.serial(`RCPT for ${what}, ${address}, is answered as the guide says`, (t) =>
    withClient(t, async (client) => void t.regex(await client.rcpt(address), answer)),
  );

test.serial(
  "who has signed in sends as each of their addresses, nobody else does, and anybody may write to a user",
  (t) =>
    withClient(t, async (client) => {
      t.regex(await client.rcpt("ann@example.com", "ann.lee@example.com"), /^553 5\.7\.1 /);
      t.is(await client.rcpt("ann@example.com", "someone@elsewhere.example"), known);
      const owned = ["gone@example.com", "long.gone@example.com", "away@example.com"];
      for (const sender of owned)
        t.regex(await client.rcpt("ann@example.com", sender), /^553 5\.7\.1 /, sender);
      const password = Buffer.from("\0ann@example.com\0secret").toString("base64");
      await client.say("RSET");
      t.regex(await client.say(`AUTH PLAIN ${password}`), /^235 /);
      t.is(
        await client.rcpt("ann@example.com", "ann.lee@example.com"),
        known,
        "with the login that is the primary",
      );
      for (const sender of ["bo@bücher.example", ...owned])
        t.regex(await client.rcpt("ann@example.com", sender), /^553 5\.7\.1 /, `as ${sender}`);
    }),
);

test.serial("what is delivered for a secondary goes to the primary, with the tag", (t) =>
  withClient(t, async (client) => {
    t.regex(await client.send("someone@elsewhere.example", "ann.lee+news@example.com"), /^250 /);
    t.regex(await client.send("someone@elsewhere.example", "Ann.Lee@Example.com"), /^250 /);
    await eventually(() => {
      if (mail.sink.recipients.length < 2) throw new Error(`Not delivered:\n${mail.postfix.log()}`);
    });
    t.deepEqual([...mail.sink.recipients].sort(), ["ann+news@example.com", "ann@example.com"]);
  }),
);

/** Asks until the answer is that one; each answer on the way there is a 250 or a 451. */
async function becomes(
  t: ExecutionContext,
  client: SmtpClient,
  answer: RegExp,
  timeoutMs = followTimeoutMs,
): Promise<void> {
  await eventually(
    async () => {
      const said = await client.rcpt("ann@example.com");
      if (!/^(250|451) /.test(said)) t.fail(`an existing address is refused: ${said}`);
      if (!answer.test(said)) throw new Error(`${said}, not ${answer}:\n${mail.postfix.log().slice(-2_000)}`);
    },
    { timeoutMs },
  );
}

const faults: [what: string, away: () => unknown, back: () => unknown][] = [
  ["the registry's database is gone", () => mail.database.refuse(), () => mail.database.accept()],
  ["the registry's database hangs", () => mail.database.freeze(), () => mail.database.thaw()],
  ["nobody listens", () => mail.stopLookups(), () => mail.startLookups()],
];

for (const [what, away, back] of faults)
  test.serial(
    `while ${what}, every address is told to come again later, and it is taken when that is over`,
    (t) =>
      withClient(t, async (client) => {
        await becomes(t, client, /^250 /);
        await away();
        try {
          await becomes(t, client, /^451 4\.3\.[05] /);
          for (const address of ["nobody@example.com", "gone@example.com", "ann.lee@example.com"])
            t.regex(await client.rcpt(address), /^451 4\.3\.[05] /, address);
        } finally {
          await back();
        }
        await becomes(t, client, /^250 /, recoveryMsMax);
        await eventually(async () => assert.match(await client.rcpt("nobody@example.com"), /^550 5\.1\.1 /));
      }),
  );

test.serial("without smtp-registry itself the answers go on, from its database", (t) =>
  withClient(t, async (client) => {
    mail.system.registry.kill("SIGSTOP");
    try {
      t.is(await client.rcpt("ann.lee@example.com"), known);
      t.regex(await client.rcpt("nobody@example.com"), /^550 5\.1\.1 /);
    } finally {
      mail.system.registry.kill("SIGCONT");
    }
  }),
);

test.serial("who asks while the process that answers is frozen is answered when it goes on", (t) =>
  withClient(t, async (client) => {
    mail.lookups.kill("SIGSTOP");
    const answer = client.rcpt("ann@example.com").finally(() => mail.lookups.kill("SIGCONT"));
    mail.lookups.kill("SIGCONT");
    t.is(await answer, known);
  }),
);

test.serial("an ordinary stop and start amid letters refuses none of them", (t) =>
  withClient(t, async (client) => {
    const password = Buffer.from("\0away@example.com\0secret").toString("base64");
    t.regex(await client.say(`AUTH PLAIN ${password}`), /^235 /);
    t.regex(
      await client.rcpt("ann@example.com", "away@example.com"),
      /^553 /,
      "who is disabled and signed in",
    );
    const over = new AbortController();
    const said = new Set<string>();
    const asking = (async () => {
      const other = await smtpClient(mail.postfix.smtpPort);
      while (!over.signal.aborted) said.add((await other.rcpt("ann@example.com")).slice(0, 3));
      await other.end();
    })();
    await mail.stopLookups("SIGTERM");
    await becomes(t, client, /^451 /);
    await mail.startLookups();
    await becomes(t, client, /^250 /, recoveryMsMax);
    over.abort();
    await asking;
    t.deepEqual([...said].sort(), ["250", "451"]);
  }),
);

test.serial("postmap gets an answer for each of many keys at once, from every map", async (t) => {
  if (isNotTested(t)) return void t.pass();
  const map = (name: string) => `socketmap:inet:127.0.0.1:${mail.socketmapPort}:${name}`;
  const key = (_: unknown, n: number) => `${n % 2 === 0 ? "ann" : "no"}+${n}@example.com`;
  const keys = Array.from({ length: 500 }, key);
  const { stdout } = await mail.postfix.postmap(["-q", "-", map("mailboxes")], `${keys.join("\n")}\n`);
  const answered = keys.filter((key) => key.startsWith("ann")).map((key) => `${key}\tann@example.com\n`);
  t.is(stdout, answered.join(""));
  const of = async (name: string, key: string) => (await mail.postfix.postmap(["-q", key, map(name)])).stdout;
  t.is(await of("domains", "example.com"), "example.com\n");
  t.is(await of("domains", "elsewhere.example"), "");
  t.is(await of("senders", "ann.lee@example.com"), "ann@example.com\n");
  t.regex(await of("access", "gone@example.com"), /^550 5\.1\.1 /);
  t.is(await of("access", "ann@example.com"), "");
});

test.serial(
  "200 look-ups in one piece are answered in order, and 200 connections beside broken ones",
  async (t) => {
    if (isNotTested(t)) return void t.pass();
    const request = (_: unknown, n: number) => `mailboxes ${n % 3 === 0 ? "no" : "ann"}+${n}@example.com`;
    const requests = Array.from({ length: 200 }, request);
    const expected = requests.map((text) => (text.includes(" no") ? "NOTFOUND " : "OK ann@example.com"));
    t.deepEqual(await socketmap(mail.socketmapPort, ...requests), expected);
    const broken = ["x", "1234567:", "3:abcd"].map((text) => rawSocketmap(mail.socketmapPort, [text]));
    const many = Array.from({ length: 200 }, () =>
      socketmap(mail.socketmapPort, "mailboxes ann@example.com"),
    );
    for (const replies of await Promise.all(many)) t.deepEqual(replies, ["OK ann@example.com"]);
    for (const said of await Promise.allSettled(broken)) t.notRegex(JSON.stringify(said), /OK|NOTFOUND/);
  },
);

test.serial(
  "while a user's primary changes under load, neither of the two addresses is ever refused",
  async (t) => {
    if (isNotTested(t)) return t.pass();
    const over = new AbortController();
    const counts = { asked: 0, refused: [] as string[] };
    const ask = async (address: string) => {
      const client = await smtpClient(mail.postfix.smtpPort);
      while (!over.signal.aborted) {
        const said = await client.rcpt(address);
        counts.asked += 1;
        if (/^5/.test(said)) counts.refused.push(said);
      }
      await client.end();
    };
    const addresses = ["ann@example.com", "ann.lee@example.com"];
    const load = Promise.all([...addresses, ...addresses].map(ask));
    const fresh = await smtpClient(mail.postfix.smtpPort);
    for (let n = 0; n < 3; n += 1) {
      const names = [addresses[(n + 1) % 2], `ann.${n}@example.com`, addresses[n % 2]];
      for (const primarySmtp of names) {
        const url = `${mail.system.gateway.httpUrl}/users/${renamed}`;
        const { status, text } = await request(url, { method: "PATCH", body: { primarySmtp } });
        t.is(status, 200, text);
        const said = await fresh.rcpt(primarySmtp ?? "");
        if (/^5/.test(said)) counts.refused.push(`${primarySmtp} right after the answer: ${said}`);
      }
    }
    over.abort();
    await load;
    await fresh.end();
    t.true(counts.asked > 20);
    t.deepEqual(counts.refused, []);
  },
);
