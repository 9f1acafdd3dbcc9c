import { randomUUID } from "node:crypto";
import test from "ava";
import { idempotency } from "../../mixins/idempotency.ts";
import { idempotencyEntities } from "../../mixins/idempotency-rows.ts";
import type { CallMeta } from "../../services/contracts/actions.ts";
import { Refusal } from "../../services/contracts/errors.ts";
import { testLogger } from "../support/logs.ts";
import { openDatabase } from "../support/own-database.ts";
import { type Rig, startRig } from "../support/rig.ts";

let rig: Rig;
test.before(async () => {
  rig = await startRig({ services: ["users", "smtp-registry"] });
});
test.after.always(() => rig.stop());

const ann = (primarySmtp: string) => ({ displayName: "Ann", primarySmtp });
const usersNamed = async (domain: string): Promise<number> =>
  (await rig.call("users.list", { q: `@${domain}`, limit: 200 })).items.length;

test.serial("a repeat gets the first answer and makes no second user", async (t) => {
  const idempotencyKey = randomUUID();
  const first = await rig.callWithMeta("users.create", ann("a@one.example"), { idempotencyKey });
  t.is(first.meta.idempotentReplayed, undefined);
  const repeat = await rig.callWithMeta("users.create", ann("a@one.example"), { idempotencyKey });
  t.true(repeat.meta.idempotentReplayed);
  t.is(JSON.stringify(repeat.result), JSON.stringify(first.result));
  t.is(await usersNamed("one.example"), 1);
});

test.serial("a repeat is answered by every write, with what the first answered", async (t) => {
  const { id } = await rig.call("users.create", ann("b@two.example"));
  const writes: ((meta: CallMeta) => Promise<{ result: unknown; meta: CallMeta }>)[] = [
    (meta) => rig.callWithMeta("users.patch", { id, displayName: "B", expectedVersions: [1] }, meta),
    (meta) => rig.callWithMeta("users.replace", { id, displayName: "C", primarySmtp: "b@two.example" }, meta),
    (meta) => rig.callWithMeta("users.patch", { id, displayName: "C" }, meta),
    (meta) => rig.callWithMeta("users.remove", { id }, meta),
    (meta) => rig.callWithMeta("users.restore", { id }, meta),
  ];
  for (const write of writes) {
    const meta = { idempotencyKey: randomUUID() };
    const first = await write(meta);
    const repeat = await write(meta);
    t.deepEqual(repeat.result, first.result);
    t.true(repeat.meta.idempotentReplayed);
  }
  t.is((await rig.call("users.get", { id })).version, 5);
});

test.serial("a key that has answered another request is refused", async (t) => {
  const meta = { idempotencyKey: randomUUID() };
  const { id } = await rig.call("users.create", ann("c@three.example"), meta);
  for (const call of [
    () => rig.call("users.create", ann("other@three.example"), { ...meta }),
    () => rig.call("users.remove", { id }, { ...meta }),
  ])
    t.is((await t.throwsAsync(call, { instanceOf: Refusal })).type, "idempotency-key-reused");
  t.is(await usersNamed("three.example"), 1);
});

test.serial("a key belongs to its caller", async (t) => {
  const idempotencyKey = randomUUID();
  const [one, two] = await Promise.all([
    rig.call("users.create", ann("d@four.example"), { idempotencyKey, actor: "one" }),
    rig.call("users.create", ann("e@four.example"), { idempotencyKey, actor: "two" }),
  ]);
  t.not(one.id, two.id);
});

test.serial("a key that can't be one is refused", async (t) => {
  const call = rig.call("users.create", ann("f@five.example"), { idempotencyKey: "two\nlines" });
  t.is((await t.throwsAsync(call, { instanceOf: Refusal })).type, "idempotency-key-invalid");
  t.is(await usersNamed("five.example"), 0);
});

test.serial("a repeat that comes while the first one runs waits for it and gets its answer", async (t) => {
  const meta = { idempotencyKey: randomUUID() };
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => rig.callWithMeta("users.create", ann("g@six.example"), { ...meta })),
  );
  t.is(new Set(answers.map(({ result }) => JSON.stringify(result))).size, 1);
  t.is(answers.filter(({ meta: told }) => told.idempotentReplayed).length, answers.length - 1);
  t.is(await usersNamed("six.example"), 1);
});

test.serial("a repeat of a first one that fails is run when that has failed", async (t) => {
  await rig.call("users.create", ann("taken@eleven.example"));
  const { id } = await rig.call("users.create", ann("a@eleven.example"));
  const meta = { idempotencyKey: randomUUID() };
  const patch = () => rig.call("users.patch", { id, primarySmtp: "taken@eleven.example" }, { ...meta });
  for (const { status, reason } of (await Promise.allSettled([patch(), patch()])) as PromiseRejectedResult[])
    t.deepEqual([status, (reason as Refusal).type], ["rejected", "address-taken"]);
});

test.serial("a repeat is told that the first one still runs when its own time is over", async (t) => {
  const db = await openDatabase(rig.urls.users, idempotencyEntities);
  const options = { ttlMs: 60_000, now: () => new Date(), log: testLogger(), repeatWaitMs: 1 };
  const { run } = idempotency(db, options);
  const call = () => ({ action: "users.remove", params: {}, meta: { idempotencyKey: "slow" } as CallMeta });
  const { promise, resolve } = Promise.withResolvers<string>();
  try {
    const first = run(call(), () => promise);
    const repeat = run(call(), () => Promise.resolve("run beside it"));
    t.is((await t.throwsAsync(repeat, { instanceOf: Refusal })).type, "idempotency-key-in-use");
    resolve("done");
    t.is(await first, "done");
  } finally {
    await db.close();
  }
});

test.serial(
  "requests with one key in several processes at once make one user and get one answer",
  async (t) => {
    const instances = [rig, await rig.another(), await rig.another()];
    for (let round = 0; round < 10; round += 1) {
      const meta = { idempotencyKey: randomUUID() };
      const domain = `r${round}.seven.example`;
      const answers = await Promise.all(
        instances.map((instance) => instance.call("users.create", ann(`h@${domain}`), { ...meta })),
      );
      t.is(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1);
      t.is(await usersNamed(domain), 1);
      t.is(answers[0]?.primarySmtp, `h@${domain}`);
    }
  },
);

test.serial(
  "a repeat that is refused for what the first one has just done gets the first answer",
  async (t) => {
    const db = await openDatabase(rig.urls.users, idempotencyEntities);
    const log = testLogger();
    const options = { ttlMs: 60_000, now: () => new Date(), log };
    const [here, elsewhere] = [idempotency(db, options), idempotency(db, options)];
    const call = {
      action: "users.remove",
      params: { id: 1 },
      meta: { idempotencyKey: randomUUID() } as CallMeta,
    };
    try {
      const answer = await here.run<string>(call, async () => {
        await elsewhere.run({ ...call, meta: { ...call.meta } }, async ({ remember }) => {
          await db.transaction((em) => remember(em, "removed"));
          return "removed";
        });
        throw new Refusal("not-found", "Cannot find the user: there is none with this id");
      });
      t.is(answer, "removed");
      t.true(call.meta.idempotentReplayed);
    } finally {
      await db.close();
    }
  },
);

test.serial("a write that was refused leaves its key free", async (t) => {
  await rig.call("users.create", ann("i@eight.example"));
  const { id } = await rig.call("users.create", ann("j@eight.example"));
  const meta = { idempotencyKey: randomUUID() };
  const taken = rig.call("users.patch", { id, primarySmtp: "i@eight.example" }, { ...meta });
  t.is((await t.throwsAsync(taken, { instanceOf: Refusal })).type, "address-taken");
  const next = await rig.call("users.patch", { id, primarySmtp: "k@eight.example" }, { ...meta });
  t.is(next?.primarySmtp, "k@eight.example");
});

test.serial("an answer and its write are stored together or not at all", async (t) => {
  await rig.refuseEventsOf("refuse-my-event");
  const idempotencyKey = randomUUID();
  const poisoned = { idempotencyKey, correlationId: "refuse-my-event" };
  await t.throwsAsync(rig.call("users.create", ann("l@nine.example"), poisoned));
  const stored = await rig.usersDb.query("select from idempotency where key = $1", [idempotencyKey]);
  t.is(stored.rowCount, 0);
  const repeat = await rig.callWithMeta("users.create", ann("l@nine.example"), { idempotencyKey });
  t.is(repeat.meta.idempotentReplayed, undefined);
  t.is(repeat.result.primarySmtp, "l@nine.example");
});

test.serial("an answer that has expired is no answer, and its row is taken over or swept", async (t) => {
  const [retaken, forgotten] = [{ idempotencyKey: randomUUID() }, { idempotencyKey: randomUUID() }];
  const first = await rig.call("users.create", ann("m@ten.example"), { ...retaken });
  await rig.call("users.create", ann("n@ten.example"), { ...forgotten });
  await rig.usersDb.query("update idempotency set expires_at = now() - interval '1 s' where key = any($1)", [
    [retaken.idempotencyKey, forgotten.idempotencyKey],
  ]);
  const second = await rig.callWithMeta("users.create", ann("m@ten.example"), { ...retaken });
  t.is(second.meta.idempotentReplayed, undefined);
  t.not(second.result.id, first.id);
  const rows = await rig.usersDb.query("select key from idempotency where expires_at <= now()");
  t.deepEqual(rows.rows, [{ key: forgotten.idempotencyKey }]);
});

test.serial("a sweep deletes what has expired, however much, and nothing else", async (t) => {
  await rig.usersDb.query(`
    insert into idempotency
    select 'sweep', n::text, '', '1', now(), now() + (case when n <= 1200 then -1 else 1 end) * interval '1 h'
    from generate_series(1, 1210) n`);
  const db = await openDatabase(rig.urls.users, idempotencyEntities);
  try {
    const log = testLogger({ nodeId: "sweep" });
    const deleted = await idempotency(db, { ttlMs: 1_000, now: () => new Date(), log }).sweep();
    t.true(deleted >= 1200);
  } finally {
    await db.close();
  }
  const left = await rig.usersDb.query("select from idempotency where scope = 'sweep'");
  t.is(left.rowCount, 10);
});
