/** What writes of many users would do: gathers what check-rules.ts decides by. Reads only, and leaves nothing behind. */
import { type ActionContext, callAction } from "../../mixins/moleculer/calls.ts";
import type { Database, EntityManager } from "../../mixins/postgres/database.ts";
import { run, runInTurn } from "../../mixins/postgres/statement.ts";
import type { ActionParams, ActionResult } from "../contracts/actions.ts";
import { addressKey } from "../contracts/address.ts";
import type { UserState } from "../contracts/events.ts";
import { askedAddressesMax } from "../contracts/reservations.ts";
import type { CheckedUser } from "../contracts/user-checks.ts";
import type { AcceptedDomains } from "./accepted-domains.ts";
import { type CheckOrder, checkUser, type Holder, type Knowledge, twinKeys } from "./check-rules.ts";
import { externalIdsOf, heldAmongKeys } from "./check-sql.ts";
import { erasedAmong } from "./erasure-sql.ts";
import { stateOf } from "./queries.ts";
import { usersById } from "./sql.ts";

const registryTimeoutMs = 1_400;

type Caller = Parameters<typeof callAction>[0];

export interface CheckDeps {
  readonly db: Database;
  /** undefined: the service is not started. */
  readonly accepted: Pick<AcceptedDomains, "known" | "look"> | undefined;
  /** Deletions up to then are free. */
  readonly freed: Date;
  readonly now: Date;
}

interface Gathered {
  readonly users: Map<string, UserState>;
  readonly idsByExternalId: Map<string, string>;
  readonly holders: Map<string, Holder>;
}

const addressesOf = ({ primarySmtp, secondarySmtps = [] }: CheckedUser): string[] => [
  primarySmtp,
  ...secondarySmtps,
];

/** By our own guard, which knows what the registry may still wait to hear of; with whose the ids are. */
async function addHolders(
  em: EntityManager,
  { keys, externalIds = [] }: { readonly keys: readonly string[]; readonly externalIds?: readonly string[] },
  freed: Date,
  all: Gathered,
) {
  const [held, erased, named] = await runInTurn(em, [
    heldAmongKeys(keys, freed),
    erasedAmong(keys, freed),
    externalIdsOf(externalIds, freed),
  ]);
  for (const { key, userId, active } of held)
    all.holders.set(key, { userId, status: active ? "active" : "deleted" });
  for (const { key } of erased) all.holders.set(key, { userId: null, status: "deleted" });
  for (const { id, externalId } of named) all.idsByExternalId.set(externalId, id);
}

async function addUsers(em: EntityManager, all: Gathered): Promise<void> {
  const ids = [...all.holders.values()].flatMap(({ userId }) => userId ?? []);
  const missing = new Set([...ids, ...all.idsByExternalId.values()].filter((id) => !all.users.has(id)));
  if (missing.size === 0) return;
  for (const row of await run(em, usersById([...missing])))
    if (row.deletedAt === null && row.erasedAt == null) all.users.set(row.id, stateOf(row));
}

/** Of addresses that nobody has by our guard: what smtp-registry has against them. */
async function addStatuses(caller: Caller, addresses: readonly string[], all: Gathered): Promise<void> {
  const asked = new Map(addresses.map((address) => [addressKey(address), address]));
  for (const key of all.holders.keys()) asked.delete(key);
  const free = [...asked];
  for (let from = 0; from < free.length; from += askedAddressesMax) {
    const keys = free.slice(from, from + askedAddressesMax).map(([key]) => key);
    const options = { timeout: registryTimeoutMs };
    const { items } = await callAction(caller, "smtp-registry.taken", { keys }, options);
    for (const { key, status, userId } of items) all.holders.set(key, { status, userId });
  }
}

async function gather(
  { db, freed }: CheckDeps,
  caller: Caller,
  wanted: readonly CheckedUser[],
  { thorough = true, onTaken }: ActionParams<"users.check">,
): Promise<Gathered> {
  const all: Gathered = { users: new Map(), idsByExternalId: new Map(), holders: new Map() };
  const externalIds = wanted.flatMap(({ externalId }) => externalId ?? []);
  const addresses = wanted.flatMap(addressesOf);
  await db.read(async (em) => {
    await addHolders(em, { keys: addresses.map(addressKey), externalIds }, freed, all);
    if (onTaken === "suffix") {
      const taken = wanted.filter(({ primarySmtp }) => all.holders.has(addressKey(primarySmtp)));
      const twins = taken.flatMap(({ primarySmtp }) => twinKeys(primarySmtp));
      if (twins.length > 0) await addHolders(em, { keys: twins }, freed, all);
    }
    await addUsers(em, all);
  });
  if (thorough) await addStatuses(caller, addresses, all);
  return all;
}

/** One for each that is wanted, in their order. Rejects as a read does, or as a call of smtp-registry. */
export async function checkUsers(
  deps: CheckDeps,
  ctx: ActionContext<"users.check">,
): Promise<ActionResult<"users.check">> {
  const { accepted, now } = deps;
  if (accepted === undefined) throw new Error("Cannot check users: the service is not started");
  const { users, key, onTaken = "refuse" } = ctx.params;
  const domains = accepted.known ?? (await accepted.look());
  const known: Knowledge = { ...(await gather(deps, ctx, users, ctx.params)), domains, now };
  const order: CheckOrder = { key, onTaken, asker: ctx.meta.user };
  return { items: users.map((wanted) => checkUser(wanted, known, order)) };
}
