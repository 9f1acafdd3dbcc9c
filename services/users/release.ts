/**
 * Promise: an address that is kept for a deleted user is anybody's at once when somebody says so, here and at the
 * registry, whatever dies in between, and nothing that comes later keeps it again: the release is a version of the user.
 *
 * It is committed here first; then the registry is told, by a call for the moment and by the event for good. What an
 * erased user has left names nobody whose version it could be: such a release waits in a table until the registry has
 * heard of it. While the registry can't be reached nothing is released. Docs: docs/adr/0055-a-release-is-a-version.md.
 */
import type { Mixin } from "../../mixins/basics/mixin.ts";
import { errorText } from "../../mixins/log/error-text.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { sweeper } from "../../mixins/postgres/sweeping.ts";
import { reaches } from "../contracts/access.ts";
import type { ActionParams } from "../contracts/actions.ts";
import { addressKey, parseAddress } from "../contracts/address.ts";
import { Refusal } from "../contracts/errors.ts";
import { AddressKey, ReleaseUnderWay } from "./entities.ts";
import { erasedAmong, releaseErased } from "./erasure-sql.ts";
import { commitPlanned, type ReemitDeps } from "./reemit.ts";
import type { Registry } from "./registry-client.ts";
import { decideRelease, inGeneration } from "./rules.ts";
import { currentGeneration, type WriteContext } from "./write.ts";

/** Of one round; more are for the next. */
const releasesMax = 100;
const releasesEveryMs = 5_000;

type Deps = ReemitDeps & { readonly registry: Pick<Registry, "lookUp" | "free"> };
type Request = ActionParams<"users.release">;

const held = (): Refusal =>
  new Refusal(
    "address-held",
    "Cannot release the address: it is not kept for a deleted user, somebody has it",
  );

const notKept = (): Refusal => new Refusal("not-found", "Cannot release the address: it is kept for nobody");

/** Throws Refusal `address-held`, `not-found` for what is kept for nobody or lies in none of the asker's domains, or Unavailable. */
export async function releaseAddress(deps: Deps, { address }: Request, context: WriteContext): Promise<null> {
  const { db, registry } = deps;
  const parsed = parseAddress(address);
  if (parsed.ok && !reaches(context.asker, parsed.asciiDomain))
    throw new Refusal("not-found", "Cannot find the address: it lies in none of your domains", {
      isOutside: true,
    });
  const key = addressKey(address);
  const freed = deps.freed();
  const { status } = await registry.lookUp(address);
  const [guard, erased] = await db.read(async (em) => [
    await em.findOne(AddressKey, { key }),
    await run(em, erasedAmong([key], freed)),
  ]);
  if (status === "reserved" || guard?.deletedAt === null) throw held();
  if (guard?.deletedAt && guard.deletedAt > freed)
    return releaseOfUser(deps, { address, key, userId: guard.userId }, context);
  if (status === "active") throw held();
  if (erased.length === 0 && status !== "deleted" && status !== "quarantined") throw notKept();
  return releaseOfNobody(deps, key, context);
}

interface Kept {
  readonly address: string;
  readonly key: string;
  readonly userId: string;
}

async function releaseOfUser(
  deps: Deps,
  { address, key, userId }: Kept,
  context: WriteContext,
): Promise<null> {
  const { registry, log } = deps;
  let deletedUntil = deps.now().toISOString();
  const { version } = await commitPlanned(deps, context, async () => {
    const before = await deps.findState(userId);
    if (before?.deletedAt === null) throw held();
    const decided = before && decideRelease(before, key, deps.now());
    if (before?.deletedAt === undefined || decided === undefined) throw notKept();
    deletedUntil = before.deletedAt;
    const decision = inGeneration(decided, await currentGeneration(deps));
    return { before, decision, kept: null };
  });
  log.info({ eventType: "user.deleted.v1", userId, version, by: context.cause.actor }, "address released");
  await registry.free({ address, userId, deletedUntil }).catch((error: unknown) => {
    log.warn({ userId, reason: errorText(error) }, "the registry hears of a release by its event");
  });
  return null;
}

async function releaseOfNobody(deps: Deps, key: string, context: WriteContext): Promise<null> {
  const { db, registry, log } = deps;
  await db.transaction(async (em) => {
    await context.ticket.remember(em, null);
    await run(em, releaseErased(key));
    await em.upsert(ReleaseUnderWay, { key, releasedAt: deps.now() });
    context.budget.check();
  });
  log.info({ by: context.cause.actor }, "address of an erased user released");
  await tellReleasesUnderWay(db, registry, log);
  return null;
}

/** Tells the registry what it has not heard of. Resolves with how many it has heard of now; never rejects for the registry. */
async function tellReleasesUnderWay(
  db: Database,
  registry: Pick<Registry, "free">,
  log: Logger,
): Promise<number> {
  const rows = await db.read((em) =>
    em.find(ReleaseUnderWay, {}, { orderBy: { releasedAt: "asc" }, limit: releasesMax }),
  );
  let told = 0;
  for (const { key, releasedAt } of rows) {
    try {
      await registry.free({ address: key, userId: null, deletedUntil: releasedAt.toISOString() });
    } catch (error) {
      log.warn({ reason: errorText(error) }, "the registry hears of a release later");
      return told;
    }
    await db.read((em) => em.nativeDelete(ReleaseUnderWay, { key, releasedAt }));
    told += 1;
  }
  return told;
}

/** Tells, from `started` to `stopped`. */
export const releaseTeller = (
  db: Database,
  registry: () => Pick<Registry, "free"> | undefined,
  log: Logger,
): Mixin => {
  const tell = async (): Promise<number> => {
    const here = registry();
    return here === undefined ? 0 : tellReleasesUnderWay(db, here, log);
  };
  return sweeper("released addresses", tell, log, releasesEveryMs);
};
