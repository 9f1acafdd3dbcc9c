/** Writes that share a transaction: each has its own outcome, and nobody waits with another. */
import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import test from "ava";
import { v7 as uuidv7 } from "uuid";
import { OutboxMessage } from "../../mixins/bus/outbox-row.ts";
import { AnsweredElsewhere, keepAnswers, type Ticket, unkeyed } from "../../mixins/idempotency.ts";
import { idempotencyEntities } from "../../mixins/idempotency-rows.ts";
import { committer, KeyTaken, LostRace, type Work, writeBudget } from "../../services/users/commit.ts";
import { usersEntities } from "../../services/users/entities.ts";
import { decide, decideCreate } from "../../services/users/rules.ts";
import { ownDatabase } from "../support/own-database.ts";

const cause = { action: "users.create", correlationId: "together", actor: "anonymous" } as const;

/** A machine that stops for a moment refuses none of them. */
const patient = () => writeBudget(60_000);

const creating = (address: string, overrides: Partial<Work> = {}): Work => ({
  before: undefined,
  decision: decideCreate(uuidv7(), { displayName: "Somebody" }, [{ address, kind: "primary" }], new Date()),
  answer: null,
  ticket: unkeyed(),
  cause,
  budget: patient(),
  ...overrides,
});

/** Of a write that carries this key. */
function keyed(key: string): Ticket {
  const createdAt = new Date().toISOString();
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const kept = (result: unknown) => ({
    ...{ scope: "somebody", key, fingerprint: key, result: JSON.stringify(result), createdAt, expiresAt },
    ...{ action: "users.create", correlationId: null },
  });
  return {
    operationId: randomUUID(),
    keyed: true,
    kept,
    remember: (em, result) => keepAnswers(em, [kept(result)]),
  };
}

const renaming = (created: Work, displayName: string): Work => {
  const before = created.decision.state;
  const decision = decide(before, { kind: "edit", displayName }, undefined, new Date());
  if (decision.kind !== "changed") throw new Error("Cannot rename: nothing changes");
  return { ...created, before, decision, ticket: unkeyed(), budget: patient() };
};

async function stage() {
  const own = await ownDatabase("users");
  const db = await own.open([...usersEntities, ...idempotencyEntities, OutboxMessage], { poolMax: 10 });
  const { pool } = own;
  return {
    pool,
    commit: committer({ db, freed: () => new Date(0) }),
    /** In how many transactions the rows of a table were written. */
    async transactions(table: string): Promise<number> {
      const { rows } = await pool.query<{ n: number }>(
        `select count(distinct xmin::text)::int as n from ${table}`,
      );
      return rows[0]?.n ?? 0;
    },
    /** By how many statements. */
    async statements(table: string): Promise<number> {
      const { rows } = await pool.query<{ n: number }>(
        `select count(distinct (xmin::text, cmin::text))::int as n from ${table}`,
      );
      return rows[0]?.n ?? 0;
    },
    async count(table: string): Promise<number> {
      return (await pool.query(`select from ${table}`)).rowCount ?? 0;
    },
    close: own.close,
  };
}

test("60 creates at once are committed in a few transactions, each with its keys and its event", async (t) => {
  const { commit, transactions, count, close } = await stage();
  try {
    const works = Array.from({ length: 60 }, (_, index) => creating(`plain.${index}@example.com`));
    await Promise.all(works.map(commit));
    for (const table of ["users", "address_keys", "outbox"]) t.is(await count(table), 60);
    t.true((await transactions("users")) <= 4, `${await transactions("users")} transactions`);
  } finally {
    await close();
  }
});

test("the answers of keyed writes that share a transaction are stored by one statement", async (t) => {
  const { commit, transactions, statements, count, close } = await stage();
  try {
    const works = Array.from({ length: 60 }, (_, index) =>
      creating(`keyed.${index}@example.com`, { ticket: keyed(`key-${index}`) }),
    );
    await Promise.all(works.map(commit));
    t.is(await count("idempotency"), 60);
    t.true((await transactions("idempotency")) <= 4, `${await transactions("idempotency")} transactions`);
    t.is(await statements("idempotency"), await transactions("idempotency"));
  } finally {
    await close();
  }
});

test("a write that can't succeed fails alone, and its neighbours are committed once", async (t) => {
  const { commit, pool, count, close } = await stage();
  try {
    const taken = creating("taken@example.com");
    await commit(taken);
    await commit(renaming(taken, "Somebody else"));
    await commit(creating("first@example.com", { ticket: keyed("answered") }));
    const plain = Array.from({ length: 20 }, (_, index) => creating(`plain.${index}@example.com`));
    const odd = [
      creating("taken@example.com"),
      renaming(taken, "Too late"),
      creating("answered@example.com", { ticket: keyed("answered") }),
      creating("late@example.com", { budget: writeBudget(0) }),
    ];
    // The first is committed alone; the others come meanwhile and share one transaction.
    const outcomes = await Promise.allSettled([...plain.slice(0, 2), ...odd, ...plain.slice(2)].map(commit));
    const failures = outcomes
      .slice(2, 6)
      .map((outcome) => (outcome.status === "rejected" ? outcome.reason : null));
    const refusals = [KeyTaken, LostRace, AnsweredElsewhere];
    for (const [index, refusal] of refusals.entries())
      t.true(failures[index] instanceof refusal, `${refusal.name}: ${inspect(failures[index])}`);
    t.is(failures[3]?.type, "unavailable");
    const neighbours = [...outcomes.slice(0, 2), ...outcomes.slice(6)];
    t.deepEqual(
      neighbours.filter(({ status }) => status !== "fulfilled"),
      [],
    );
    t.is(await count("users"), 22);
    t.is(await count("outbox"), 23);
    const { rows } = await pool.query(
      "select display_name from users where primary_smtp = 'taken@example.com'",
    );
    t.deepEqual(rows, [{ display_name: "Somebody else" }]);
  } finally {
    await close();
  }
});

test("a write whose time was over while it waited is not begun, and its neighbours still share a transaction", async (t) => {
  const { commit, transactions, count, close } = await stage();
  try {
    const late = creating("late@example.com", { budget: writeBudget(0) });
    const plain = Array.from({ length: 20 }, (_, index) => creating(`plain.${index}@example.com`));
    const outcomes = await Promise.allSettled([...plain, late].map(commit));
    t.is(outcomes.filter(({ status }) => status === "fulfilled").length, plain.length);
    t.is(await count("users"), plain.length);
    // The first is committed alone, all others came meanwhile.
    t.is(await transactions("users"), 2);
  } finally {
    await close();
  }
});

test("writes of one user that come at once are decided one by one: one wins, the others have lost the race", async (t) => {
  const { commit, count, close } = await stage();
  try {
    const created = creating("one@example.com");
    await commit(created);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) => commit(renaming(created, `Name ${index}`))),
    );
    t.is(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
    t.true(outcomes.every((outcome) => outcome.status === "fulfilled" || outcome.reason instanceof LostRace));
    t.is(await count("outbox"), 2);
  } finally {
    await close();
  }
});

test("nobody waits with writes that find their row locked", async (t) => {
  const { commit, pool, close } = await stage();
  const blocker = await pool.connect();
  try {
    const locked = Array.from({ length: 4 }, (_, index) => creating(`locked.${index}@example.com`));
    await Promise.all(locked.map(commit));
    await blocker.query("begin");
    await blocker.query("select from users for update");
    const waiting = locked.map((work) => commit(renaming(work, "Waited")));
    for (let round = 0; round < 10; round += 1) await commit(creating(`free.${round}@example.com`));
    // They waited for the lock all along; had anybody waited with them, this would not have been reached.
    await blocker.query("commit");
    t.is((await Promise.allSettled(waiting)).filter(({ status }) => status === "fulfilled").length, 4);
  } finally {
    blocker.release();
    await close();
  }
});
