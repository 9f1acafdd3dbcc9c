/** What mail servers are told, in every state of an address, beside what the registry itself says of it. */
import { randomUUID } from "node:crypto";
import test from "ava";
import { processMetrics } from "../../mixins/metrics/metrics.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { mailAnswers } from "../../services/mail-lookup/answers.ts";
import { type MailRules, mailLookup } from "../../services/mail-lookup/lookup.ts";
import { recipientOf } from "../../services/mail-lookup/maps.ts";
import { primarySource } from "../../services/mail-lookup/sources.ts";
import { Life } from "../support/life.ts";
import { testLogger } from "../support/logs.ts";
import { registryParts, terms } from "../support/registry-parts.ts";

const postmaster = "ops@example.net";

function mailParts(
  { db, now }: { db: Database; now: () => Date },
  more: Partial<MailRules> & { readonly refusesInactive?: boolean } = {},
) {
  const whole = new Set(["postmaster"]);
  const source = primarySource(db, { terms, now });
  const lookup = mailLookup(source, { delimiter: "+", whole, postmaster: undefined, ...more });
  const lines: Record<string, unknown>[] = [];
  const log = testLogger({ lines });
  const rules = { refusesInactive: more.refusesInactive ?? false };
  const answer = mailAnswers({ lookup, rules, metrics: processMetrics(), log, logPii: false });
  return {
    lines,
    ask: (request: string) => answer(request),
    all: (address: string) =>
      Promise.all(["mailboxes", "aliases", "senders", "access"].map((map) => answer(`${map} ${address}`))),
    verdict: async (address: string) => recipientOf(address, await lookup.recipient(address), rules),
  };
}

const nowhere = ["NOTFOUND ", "NOTFOUND ", "NOTFOUND ", "NOTFOUND "];
const isTemp = (reply: string): boolean => reply.startsWith("TEMP ");

test("an address is told by its primary in any spelling, a secondary is rewritten with its tag, and a hold is TEMP", async (t) => {
  const parts = await registryParts();
  const { ask, all, verdict } = mailParts(parts);
  const life = new Life(parts.now(), randomUUID());
  await parts.reserve({ want: ["Ann@example.com", "a.lee@bücher.example"], userId: life.id });
  t.deepEqual((await all("ann@example.com")).map(isTemp), [true, true, true, false]);
  t.true(isTemp(await ask("domains bücher.example")), "a domain with holds alone");
  t.is((await verdict("ann@example.com")).deliver, "defer");
  await parts.apply(life.create("Ann@example.com", "a.lee@bücher.example"));
  t.deepEqual(await all("ANN@EXAMPLE.COM"), [
    "OK Ann@example.com",
    "NOTFOUND ",
    "OK Ann@example.com",
    "NOTFOUND ",
  ]);
  for (const written of ["a.lee+x=y@bücher.example", "A.Lee+x=y@xn--bcher-kva.example"])
    t.deepEqual(await all(written), [
      "OK Ann@example.com",
      "OK Ann+x=y@example.com",
      "OK Ann@example.com",
      "NOTFOUND ",
    ]);
  for (const nobody of [
    "bob@example.com",
    "+ann@example.com",
    "ann",
    "@example.com",
    "a.lee+x,y@bücher.example",
  ])
    t.deepEqual(await all(nobody), nowhere, nobody);
  t.is(await ask("domains EXAMPLE.com"), "OK EXAMPLE.com");
  t.is(await ask("domains xn--bcher-kva.example"), "OK xn--bcher-kva.example");
  t.is(await ask("domains example.org"), "NOTFOUND ");
  t.like(await verdict("a.lee@bücher.example"), {
    deliver: "accept",
    kind: "secondary",
    login: "Ann@example.com",
  });
  t.true((await ask("mailboxes")).startsWith("PERM "));
  t.true((await ask("mailbox ann@example.com")).startsWith("PERM "));
  await parts.close();
});

test("in every state the verdict is that of the registry's own look-up", async (t) => {
  const parts = await registryParts();
  const { ask, verdict } = mailParts(parts);
  const address = "ann@example.com";
  const life = new Life(parts.now(), randomUUID());
  const expected = {
    available: "reject",
    reserved: "defer",
    active: "accept",
    deleted: "reject",
    quarantined: "reject",
    blocked: "reject",
  } as const;
  const seen = new Set<string>();
  const compare = async (of = address): Promise<void> => {
    const { status } = await parts.lookUp(of);
    seen.add(status);
    t.is((await verdict(of)).deliver, expected[status], status);
    const isKept = status === "deleted" || status === "quarantined";
    t.is((await ask(`access ${of}`)).startsWith("OK 550 5.1.1 "), isKept, status);
    t.is((await ask(`senders ${of}`)) === "OK <nobody>", isKept, status);
  };
  await compare();
  await compare("postmaster@example.com");
  await parts.reserve({ want: [address], userId: life.id });
  await compare();
  await parts.apply(life.create(address));
  await compare();
  await parts.apply(life.remove());
  await compare();
  parts.advanceDays(terms.tombstoneDays);
  await compare();
  parts.advanceDays(terms.quarantineDays);
  await compare();
  t.is(seen.size, 6);
  await parts.close();
});

test("a user who is disabled gets mail, unless SOCKETMAP_INACTIVE refuses it and what the user sends", async (t) => {
  const parts = await registryParts();
  const life = new Life(parts.now(), randomUUID());
  const created = life.create("ann@example.com");
  const user = { ...created.data.user, active: false };
  await parts.apply({ ...created, data: { ...created.data, user } });
  const ok = "OK ann@example.com";
  t.deepEqual(await mailParts(parts).all("ann@example.com"), [ok, "NOTFOUND ", ok, "NOTFOUND "]);
  const strict = mailParts(parts, { refusesInactive: true });
  const [mailbox, , sender, access] = await strict.all("ann@example.com");
  t.deepEqual([mailbox, sender], [ok, "OK <nobody>"]);
  t.regex(access ?? "", /^OK 550 5\.2\.1 /);
  t.like(await strict.verdict("ann@example.com"), { deliver: "reject", active: false, login: null });
  await parts.apply(life.update("ann@example.com"));
  t.is(await strict.ask("senders ann@example.com"), ok);
  await parts.close();
});

test("postmaster and abuse reach whom SOCKETMAP_POSTMASTER names, in domains of ours alone", async (t) => {
  const parts = await registryParts();
  const { all, verdict } = mailParts(parts, { postmaster });
  t.deepEqual(await all("postmaster@example.com"), nowhere);
  const life = new Life(parts.now(), randomUUID());
  await parts.apply(life.create("ann@example.com"));
  for (const name of ["Postmaster", "abuse", "abuse+x"])
    t.deepEqual(await all(`${name}@example.com`), [
      `OK ${postmaster}`,
      `OK ${postmaster}`,
      "NOTFOUND ",
      "NOTFOUND ",
    ]);
  t.deepEqual(await all("postmaster@example.org"), nowhere);
  t.like(await verdict("postmaster@example.com"), { deliver: "accept", primary: postmaster, login: null });
  await parts.close();
});

test("whatever fails is TEMP in every map and defer over HTTP, with one line a second that does not name the key", async (t) => {
  const broken = { read: () => Promise.reject(new Error("no such luck")) } as unknown as Database;
  const { all, ask, verdict, lines } = mailParts({ db: broken, now: () => new Date() }, { postmaster });
  t.true((await all("ann@example.com")).every(isTemp));
  t.true(isTemp(await ask("domains example.com")));
  t.true(isTemp(await ask("aliases postmaster@example.com")));
  t.is((await verdict("ann@example.com")).deliver, "defer");
  t.is(lines.length, 1);
  t.notRegex(JSON.stringify(lines), /example/);
});

test("more than may wait are told TEMP at once", async (t) => {
  let open: (rows: unknown[]) => void = () => {};
  const held = new Promise<unknown[]>((resolve) => {
    open = resolve;
  });
  const slow = { read: () => held } as unknown as Database;
  const { ask } = mailParts({ db: slow, now: () => new Date() });
  const waiting = Array.from({ length: 500 }, (_, index) => ask(`mailboxes u${index}@example.com`));
  t.true(isTemp(await ask("mailboxes one.more@example.com")));
  open([]);
  t.true((await Promise.all(waiting)).every(isTemp), "an answer without a row says nothing of the address");
});
