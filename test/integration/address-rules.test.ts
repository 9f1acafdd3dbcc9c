/** What may be a new address or a new name, over HTTP through the whole system; and what has been there before. */
import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { toASCII } from "tr46";
import { callAction } from "../../mixins/moleculer/calls.ts";
import { addressKey } from "../../services/contracts/address.ts";
import { Refusal } from "../../services/contracts/errors.ts";
import { eventually } from "../support/eventually.ts";
import { type Answer, type Rig, rigOf } from "../support/rig.ts";

const system = (t: ExecutionContext): Promise<Rig> =>
  rigOf(t, { environment: { RECONCILE_MINUTES: "0", RECONCILE_GRACE_MS: "300" } });

const unique = (): string => randomUUID().slice(0, 8);
const path = (address: string): string => `/smtp/${encodeURIComponent(address)}`;

/** A repeat of a write whose end is not known is no second one. */
const written = (rig: Rig, ...[method, target, body]: Parameters<Rig["http"]>): Promise<Answer> =>
  rig.http(method, target, body, { "idempotency-key": randomUUID() });

const create = (rig: Rig, body: unknown) => written(rig, "POST", "/users", body);
const pointersOf = ({ body }: Answer): string[] =>
  (body.errors as { pointer?: string; parameter?: string }[]).map(
    ({ pointer, parameter }) => pointer ?? `parameter ${parameter}`,
  );

/** Local parts that look like another, or like nothing, or that a mail server carries out. */
const unfitLocals = {
  "a soft hyphen": "ce\u00ado",
  "a zero width space": "ceo\u200b",
  "a word joiner": "c\u2060eo",
  "a variation selector": "ceo\ufe0f",
  "a tag": "ceo\u{e0061}",
  "a filler": "ceo\u3164",
  "a blank of Braille": "ceo\u2800",
  "a bidi control": "ceo\u200e",
  "a joiner that joins nothing": "ceo\u200d",
  "a combining mark in front": "\u0301ceo",
  "a blocked name with a hole": "post\u00admaster",
  "a pipe": "|ceo",
  "an option": "-froot",
  "a file": "/etc/passwd",
  "the percent hack": "a%b.com",
  "a bang path": "a!b",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is no template, Exim carried it out
  "an expansion": "${run{id}}",
};

test.serial(
  "what nobody can see, and what a mail server carries out, is no new local part, on any way in",
  async (t) => {
    const rig = await system(t);
    const { body: ann } = await create(rig, { displayName: "Ann", primarySmtp: `ann@${unique()}.example` });
    for (const [what, local] of Object.entries(unfitLocals)) {
      const address = `${local}@unfit.example`;
      const asPrimary = { displayName: "Ann", primarySmtp: address };
      const asSecondary = {
        displayName: "Ann",
        primarySmtp: ann.primarySmtp,
        secondarySmtps: ["fine@unfit.example", address],
      };
      const answers: [Answer, string][] = [
        [await create(rig, asPrimary), "#/primarySmtp"],
        [await create(rig, { ...asSecondary, primarySmtp: "other@unfit.example" }), "#/secondarySmtps/1"],
        [await written(rig, "PUT", `/users/${ann.id}`, asPrimary), "#/primarySmtp"],
        [await written(rig, "PUT", `/users/${ann.id}`, asSecondary), "#/secondarySmtps/1"],
        [await written(rig, "PATCH", `/users/${ann.id}`, { primarySmtp: address }), "#/primarySmtp"],
        [
          await written(rig, "PATCH", `/users/${ann.id}`, { secondarySmtps: [address] }),
          "#/secondarySmtps/0",
        ],
        [await rig.http("GET", path(address)), "parameter address"],
      ];
      for (const [answer, pointer] of answers) {
        t.is(answer.status, 422, what);
        if (answer.status === 422) t.deepEqual(pointersOf(answer), [pointer], what);
      }
    }
    t.like((await rig.http("GET", `/users/${ann.id}`)).body, { version: 1, secondarySmtps: [] });
  },
);

test.serial(
  "the registry holds what may not be new only for a user who keeps it, and blocks a name in any width",
  async (t) => {
    const rig = await system(t);
    const reserve = (kept?: boolean) =>
      callAction(rig.broker, "smtp-registry.reserve", {
        reservationId: randomUUID(),
        userId: randomUUID(),
        addresses: [{ address: "ceo\u00ad@kept.example", kind: "primary", ...(kept ? { kept } : {}) }],
        onTaken: "refuse",
      });
    const refused = await t.throwsAsync(reserve(), { instanceOf: Refusal });
    t.is(refused.data.errors?.[0]?.pointer, "#/addresses/0/address");
    t.like(await reserve(true), { addresses: [{ assigned: "ceo\u00ad@kept.example" }] });
    for (const local of ["postmaster", "ＰＯＳＴＭＡＳＴＥＲ", "poſtmaſter", "ⓟostmaster"])
      t.like(await rig.http("GET", path(`${local}@kept.example`)), {
        status: 200,
        body: { status: "blocked" },
      });
  },
);

test.serial(
  "names of people are addresses in their own script, joiners where the script needs them",
  async (t) => {
    const rig = await system(t);
    const locals = [
      "o'brien",
      "anne-marie.müller",
      "ÅSA",
      "ægir",
      "straße",
      "ﬁona", // a ligature is no twin: it has the key of the two letters
      "Łukasz",
      "Νίκος",
      "Дмитрий",
      "יעל",
      "محمد",
      "می\u200cخواهم",
      "श्री",
      "क्\u200dष",
      "ශ්\u200dරී",
      "สมชาย",
      "བསོད་ནམས",
      "김철수",
      "王小明",
      "さくら",
      "ジョン・スミス",
      "_ann.b+c=d?e^f{g}~#$&*",
    ];
    for (const local of locals) {
      const domain = `${unique()}.example`;
      const answer = await create(rig, { displayName: local, primarySmtp: `${local}@${domain}` });
      t.is(answer.status, 201, `${local}: ${JSON.stringify(answer.body)}`);
      t.is(answer.body.primarySmtp, `${local}@${domain}`);
    }
  },
);

const unfitNames = {
  "a zero width space": "\u200b",
  "a filler": "\u3164",
  "a blank of Braille": "\u2800",
  "a mark without a letter": "\u0301",
  "a line separator": "Ann\u2028Lee",
  "a paragraph separator at the end": "Ann\u2029",
  "an override": "Ann\u202eeeL",
  "an isolate": "Ann\u2067Lee\u2069",
  "a noncharacter": "Ann\ufffe",
};

test.serial(
  "a name that shows nothing, breaks its line or turns its direction is refused on every way in",
  async (t) => {
    const rig = await system(t);
    const primarySmtp = `ann@${unique()}.example`;
    const { body: ann } = await create(rig, { displayName: "Ann", primarySmtp });
    for (const [what, displayName] of Object.entries(unfitNames)) {
      const answers = [
        await create(rig, { displayName, primarySmtp: `x@${unique()}.example` }),
        await written(rig, "PUT", `/users/${ann.id}`, { displayName, primarySmtp }),
        await written(rig, "PATCH", `/users/${ann.id}`, { displayName }),
      ];
      for (const answer of answers) {
        t.is(answer.status, 422, what);
        if (answer.status === 422) t.deepEqual(pointersOf(answer), ["#/displayName"], what);
      }
    }
    for (const displayName of ["می\u200cخواهم", "葛\u{e0100}城", "Ann ❤\ufe0f", "👩\u200d💻", "—", "김철수"])
      t.is((await written(rig, "PATCH", `/users/${ann.id}`, { displayName })).status, 200, displayName);
  },
);

test.serial(
  "a domain is kept as a mail server takes it, however it was typed, and is found in either form",
  async (t) => {
    const rig = await system(t);
    const name = `b${unique()}`;
    const typed = {
      "a zero width space": `ann@${name}\u200b1.example`,
      "an ideographic full stop": `ann@${name}2。example`,
      "full-width letters": `ann@${name}3.ｅｘａｍｐｌｅ`,
      "upper case": `Ann@${name.toUpperCase()}4.EXAMPLE`,
    };
    let n = 0;
    for (const [what, primarySmtp] of Object.entries(typed)) {
      n += 1;
      const { body } = await create(rig, { displayName: what, primarySmtp });
      t.is(body.primarySmtp.toLowerCase(), `ann@${name}${n}.example`, what);
      t.is(body.requestedSmtp, undefined);
    }
    const { body: ann } = await create(rig, {
      displayName: "Ann",
      primarySmtp: "ann@xn--bcher-kva.example",
      secondarySmtps: ["ann@bu\u0308cher.example", "lee@BÜCHER.example"],
    });
    t.is(ann.primarySmtp, "ann@bücher.example");
    t.deepEqual(ann.secondarySmtps, ["lee@bücher.example"]);
    const patched = await written(rig, "PATCH", `/users/${ann.id}`, { primarySmtp: "Ann@bücher。example" });
    t.is(patched.body.primarySmtp, "Ann@bücher.example");
    for (const q of [
      "bücher.exam",
      "bu\u0308cher",
      "xn--bcher-kva.example",
      "@XN--bcher",
      "ann@bücher。example",
    ])
      t.deepEqual(
        (await rig.http("GET", `/users?q=${encodeURIComponent(q)}`)).body.items.map(
          ({ id }: { id: string }) => id,
        ),
        [ann.id],
        q,
      );
    const looked = () => rig.http("GET", path("ann@xn--bcher-kva.example"));
    await eventually(async () => {
      if ((await looked()).body.address !== "Ann@bücher.example") throw new Error("not yet");
    });
    const { body: audit } = await rig.http("GET", `/audit?userId=${ann.id}`);
    t.deepEqual(
      audit.items[0].changes.find(({ field }: { field: string }) => field === "primarySmtp")?.to,
      "ann@bücher.example",
    );
  },
);

test.serial(
  "only xn-- is special among domains with two hyphens, and the octets are those that a mail server gets",
  async (t) => {
    const rig = await system(t);
    const refusal = async (primarySmtp: string): Promise<string | undefined> => {
      const { status, body } = await create(rig, { displayName: "Ann", primarySmtp });
      return status === 201 ? undefined : body.errors[0].detail;
    };
    t.is(await refusal("ann@ab--cd.example"), undefined);
    for (const domain of [
      "xn--a.example",
      "xn--ab-.example",
      "-ab.example",
      "xn--ü.example",
      "ab-.example",
      "üb--c.example",
      "ü-.example",
    ])
      t.regex((await refusal(`ann@${domain}`)) ?? "", /valid domain/, domain);
    t.regex((await refusal('"ann lee"@example.com')) ?? "", /quote/);
    t.regex((await refusal("ann@[192.0.2.1]")) ?? "", /domain name/);
    t.regex((await refusal("ann@[IPv6:2001:db8::1]")) ?? "", /domain name/);
    t.regex((await refusal("ann@example.com.")) ?? "", /dot/);
    // 148 octets as it is written, 268 in A-labels; the other is longer as it is read than as it was written.
    const shortInULabels = `${"a".repeat(60)}@${"aö.".repeat(20)}example`;
    const shortInALabels = `${"a".repeat(60)}@${`${toASCII("字".repeat(45))}.`.repeat(2)}example`;
    for (const address of [shortInULabels, shortInALabels]) {
      t.true(Buffer.byteLength(address) <= 254);
      t.regex((await refusal(address)) ?? "", /254 octets/, address);
    }
  },
);

/** A user as it was granted before: everything that tells of it says so. */
async function longAgo(rig: Rig, old: { displayName: string; primarySmtp: string }): Promise<string> {
  const { usersDb, registryDb } = rig;
  const { body } = await create(rig, { displayName: "Ann", primarySmtp: `ann@${unique()}.example` });
  const id: string = body.id;
  await eventually(async () => {
    const { rowCount } = await registryDb.query("select from watermarks where user_id = $1", [id]);
    const audit = await usersDb.query("select from audit_entries where user_id = $1", [id]);
    if (rowCount !== 1 || audit.rowCount !== 1) throw new Error("not yet");
  });
  const key = addressKey(old.primarySmtp);
  await usersDb.query(
    "update users set display_name = $2, primary_smtp = $3, search_text = $3 where id = $1",
    [id, old.displayName, old.primarySmtp],
  );
  await usersDb.query("update address_keys set key = $2 where user_id = $1", [id, key]);
  for (const table of ["addresses", "address_history"])
    await registryDb.query(`update ${table} set key = $2, address = $3 where user_id = $1`, [
      id,
      key,
      old.primarySmtp,
    ]);
  return id;
}

const kept: Record<string, { displayName: string; primarySmtp: string }> = {
  "an invisible letter": { displayName: "\u200b", primarySmtp: "ceo\u00ad@old.example" },
  "a symbol": { displayName: "Ann\u2028Lee", primarySmtp: "ann☃@old.example" },
  "a local part that is carried out": { displayName: "\u202eAnn", primarySmtp: "|ann@old.example" },
  "a domain as it was typed": { displayName: "\u3164", primarySmtp: "ann@ma\u200bil。example" },
};
for (const [what, old] of Object.entries(kept))
  test.serial(
    `a user whose address has ${what} from before is read, changed, removed and restored as any other`,
    async (t) => {
      const rig = await system(t);
      const id = await longAgo(rig, old);
      const user = `/users/${id}`;
      const settled = () =>
        eventually(async () => {
          const report = await callAction(rig.broker, "reconciler.run", {});
          if (report.inFlight > 0) throw new Error("not yet");
          return report.violations;
        });
      const status = async (): Promise<unknown> => (await rig.http("GET", path(old.primarySmtp))).body;

      t.like((await rig.http("GET", user)).body, old);
      t.deepEqual(await settled(), {});
      t.like(await status(), { status: "active", userId: id, kind: "primary" });
      const whole = await written(rig, "PUT", user, old);
      t.is(whole.status, 200, JSON.stringify(whole.body));
      t.is(addressKey(whole.body.primarySmtp), addressKey(old.primarySmtp));
      const named = await written(rig, "PATCH", user, { displayName: "Ann Lee" });
      t.is(named.status, 200, JSON.stringify(named.body));
      const { primarySmtp } = named.body;
      const moved = await written(rig, "PATCH", user, { primarySmtp: `ann.lee@${unique()}.example` });
      t.like(moved, { status: 200, body: { secondarySmtps: [primarySmtp] } });
      const same = await written(rig, "PUT", user, moved.body);
      t.like(same, { status: 200, body: { version: moved.body.version } });
      const swapped = await written(rig, "PATCH", user, { primarySmtp });
      t.like(swapped, { status: 200, body: { primarySmtp, secondarySmtps: [moved.body.primarySmtp] } });
      t.is((await written(rig, "DELETE", user)).status, 204);
      await settled();
      t.like(await status(), { status: "deleted", userId: id });
      t.like(await written(rig, "POST", `${user}/restore`), { status: 200, body: { primarySmtp } });
      t.deepEqual(await settled(), {});
      t.like(await status(), { status: "active", userId: id });

      const without = { primarySmtp: moved.body.primarySmtp };
      t.is((await written(rig, "PATCH", user, without)).status, 200);
      const gone = await written(rig, "PATCH", user, { secondarySmtps: [] });
      t.like(gone, { status: 200, body: { secondarySmtps: [] } });
      t.deepEqual(await settled(), {});
      const again = await written(rig, "PATCH", user, { secondarySmtps: [old.primarySmtp] });
      t.is(again.status, what.startsWith("a domain") ? 200 : 422);
    },
  );
