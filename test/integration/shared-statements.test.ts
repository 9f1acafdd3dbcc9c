/** Requests of a process that share a statement wait together, and only together. */
import { randomUUID } from "node:crypto";
import test from "ava";
import { v7 as uuidv7 } from "uuid";
import { answerFinder, unkeyed } from "../../mixins/idempotency.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { migrate } from "../../services/runtime/migrations.ts";
import { blockedNames } from "../../services/smtp-registry/blocked.ts";
import { registryEntities } from "../../services/smtp-registry/entities.ts";
import { reserver } from "../../services/smtp-registry/reserve-together.ts";
import { committer, writeBudget } from "../../services/users/commit.ts";
import { usersEntities } from "../../services/users/entities.ts";
import { stateFinder } from "../../services/users/queries.ts";
import { decideCreate } from "../../services/users/rules.ts";
import { openDatabase } from "../support/own-database.ts";
import { terms, ttlMs } from "../support/registry-parts.ts";
import { testDatabase } from "../support/resources.ts";
import { tcpProxy } from "../support/tcp-proxy.ts";

interface Sharing {
  readonly what: string;
  readonly of: "users" | "registry";
  /** Asks for something that nobody has asked for before. */
  readonly asking: (db: Database) => () => Promise<unknown>;
}

const wanted = () => [{ address: `${randomUUID()}@example.com`, kind: "primary" as const }];

const reads: Sharing = {
  what: "reads",
  of: "users",
  asking(db) {
    const find = stateFinder(db);
    return () => find(randomUUID());
  },
};

const answers: Sharing = {
  what: "answers of keys",
  of: "users",
  asking(db) {
    const find = answerFinder(db, () => new Date());
    return () => find({ scope: "somebody", key: randomUUID() });
  },
};

const commits: Sharing = {
  what: "commits",
  of: "users",
  asking(db) {
    const commit = committer({ db, freed: () => new Date(0) });
    return () =>
      commit({
        before: undefined,
        decision: decideCreate(uuidv7(), { displayName: "Somebody" }, wanted(), new Date()),
        answer: null,
        ticket: unkeyed(),
        cause: { action: "users.create", correlationId: "shared", actor: "anonymous" },
        budget: writeBudget(),
      });
  },
};

const holds: Sharing = {
  what: "holds",
  of: "registry",
  asking(db) {
    const rules = { terms, reservationTtlMs: ttlMs, blocked: blockedNames([]), now: () => new Date() };
    const reserve = reserver(db, rules);
    return () =>
      reserve({
        reservationId: randomUUID(),
        userId: randomUUID(),
        onTaken: "suffix",
        addresses: wanted(),
      });
  },
};

for (const { what, of, asking } of [reads, answers, commits, holds])
  test(`a statement that hangs holds up no ${what} but those that share it`, async (t) => {
    const own = await testDatabase();
    await migrate(of, own.url);
    const proxy = await tcpProxy(own.url, 5432);
    const entities = of === "users" ? usersEntities : registryEntities;
    const db = await openDatabase(proxy.through(own.url), entities, { poolMax: 5 });
    t.teardown(async () => {
      await proxy.close();
      await db.close();
      await own.drop();
    });
    const ask = asking(db);
    await ask();
    proxy.silence();
    let isOver = false;
    const hung = ask().finally(() => {
      isOver = true;
    });
    const refused = t.throwsAsync(hung);
    await new Promise((next) => setImmediate(next));
    await ask();
    t.false(isOver, "the statement that hangs was waited for");
    await refused;
  });
