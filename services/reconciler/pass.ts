/**
 * Promise: one pass tells every difference between users, the registry and the audit log, holds no more than a page of
 * each side, and takes no event on its way for a difference.
 *
 * The three sides are read in the order of user ids and merged. They are read at different moments, so what differs is
 * only a suspect: it is looked at again, in the order of an event's way (users, outbox, registry, audit). It counts when
 * it still differs in the same check, at the same version of the user, which is older than the grace, with nothing of
 * it in the outbox.
 */
import { pause } from "../../mixins/bus/pause.ts";
import type { ActionResult } from "../contracts/actions.ts";
import { pageSizeMax } from "../contracts/paging.ts";
import type { ConsistencyCheck, Difference } from "../contracts/reconciliation.ts";
import { type Accounts, failedChecks, newestVersion } from "./compare.ts";
import { type Ask, streamOf } from "./sources.ts";

/** Commit to effect takes some milliseconds; what takes longer than this is not on its way but late. */
export const graceMs = 30_000;
/** So that a pass costs the databases a part of their time, not all of it. */
const pagePauseMs = 20;
const secondLookDelayMs = 250;

export interface Finding {
  readonly userId: string;
  readonly differences: readonly Difference[];
  /** The newest version that any side knows. */
  readonly newest: number;
}

export interface PassOptions {
  readonly ask: Ask;
  readonly now: () => Date;
  readonly stopping: AbortSignal;
  /** Awaited: a pass goes as fast as its findings are dealt with. */
  readonly found: (finding: Finding) => Promise<void>;
  readonly pageSize?: number;
}

export interface PassResult {
  readonly checked: number;
  readonly inFlight: number;
}

interface Suspect {
  readonly userId: string;
  readonly version: number | undefined;
  readonly checks: readonly ConsistencyCheck[];
}

const byId = <Row extends { readonly userId: string }>(rows: readonly Row[]): Map<string, Row> =>
  new Map(rows.map((row) => [row.userId, row]));

function differenceOf(check: ConsistencyCheck, userId: string, accounts: Accounts): Difference {
  const { user, registry, audit } = accounts;
  const found = check.startsWith("registry_") ? registry?.version : audit?.versions;
  return { userId, check, version: user?.version ?? null, found: found ?? null };
}

interface ManyAccounts {
  /** Of a user, as each side tells it. */
  of(userId: string): Accounts;
  /** Whether an event of the user waits in the outbox. */
  isPending(userId: string): boolean;
  readonly freedBefore: string;
}

/** In the order of an event's way: what was seen at one station has reached it before the next one is asked. */
async function accountsOf(ask: Ask, userIds: string[]): Promise<ManyAccounts> {
  const users = byId((await ask("users.digest", { userIds })).items);
  const pending = new Set((await ask("outbox.pending", { userIds })).userIds);
  const { items, freedBefore } = await ask("smtp-registry.digest", { userIds });
  const registry = byId(items);
  const audit = byId((await ask("audit.digest", { userIds })).items);
  return {
    of: (userId) => ({
      user: users.get(userId),
      registry: registry.get(userId),
      audit: audit.get(userId),
    }),
    isPending: (userId) => pending.has(userId),
    freedBefore,
  };
}

/** Reports those of the suspects that still differ; resolves with how many were on their way. */
async function lookAgain(options: PassOptions, suspects: readonly Suspect[]): Promise<number> {
  const { ask, now, found, stopping } = options;
  await pause(secondLookDelayMs, stopping);
  const again = await accountsOf(
    ask,
    suspects.map(({ userId }) => userId),
  );
  const settledBefore = now().getTime() - graceMs;
  let inFlight = 0;
  for (const { userId, version, checks } of suspects) {
    const accounts = again.of(userId);
    const { user } = accounts;
    const still = failedChecks(accounts, again.freedBefore).filter((check) => checks.includes(check));
    const settled = user === undefined || Date.parse(user.updatedAt) <= settledBefore;
    if (user?.version !== version || again.isPending(userId) || !settled) inFlight += 1;
    else if (still.length > 0)
      await found({
        userId,
        differences: still.map((check) => differenceOf(check, userId, accounts)),
        newest: newestVersion(accounts),
      });
  }
  return inFlight;
}

/** Over everyone. Rejects when a side can't be heard, or with the reason of `stopping`. */
export async function passOverAll(options: PassOptions): Promise<PassResult> {
  const { ask, stopping, pageSize = pageSizeMax } = options;
  let freedBefore = "";
  const stream = <Row extends { readonly userId: string }>(
    page: (query: { after: string | null; limit: number }) => Promise<{ readonly items: readonly Row[] }>,
  ) =>
    streamOf(pageSize, async (after) => {
      await pause(pagePauseMs, stopping);
      return (await page({ after, limit: pageSize })).items;
    });
  const users = stream((query) => ask("users.digest", query));
  const registry = stream(async (query): Promise<ActionResult<"smtp-registry.digest">> => {
    const answer = await ask("smtp-registry.digest", query);
    freedBefore = answer.freedBefore;
    return answer;
  });
  const audit = stream((query) => ask("audit.digest", query));

  let suspects: Suspect[] = [];
  let checked = 0;
  let inFlight = 0;
  for (;;) {
    const heads = [await users.peek(), await registry.peek(), await audit.peek()];
    const userId = heads
      .flatMap((head) => head?.userId ?? [])
      .sort()
      .at(0);
    if (userId === undefined || suspects.length === pageSize) {
      if (suspects.length > 0) inFlight += await lookAgain(options, suspects);
      suspects = [];
    }
    if (userId === undefined) return { checked, inFlight };
    const [user, entry, trail] = [
      await users.take(userId),
      await registry.take(userId),
      await audit.take(userId),
    ];
    checked += 1;
    const checks = failedChecks({ user, registry: entry, audit: trail }, freedBefore);
    if (checks.length > 0) suspects.push({ userId, version: user?.version, checks });
  }
}

/** Over these users alone, at most a page. */
export async function passOver(options: PassOptions, userIds: readonly string[]): Promise<PassResult> {
  const ids = [...new Set(userIds.map((userId) => userId.toLowerCase()))];
  const first = await accountsOf(options.ask, ids);
  const suspects = ids.flatMap((userId) => {
    const accounts = first.of(userId);
    const checks = failedChecks(accounts, first.freedBefore);
    return checks.length > 0 ? [{ userId, version: accounts.user?.version, checks }] : [];
  });
  const inFlight = suspects.length > 0 ? await lookAgain(options, suspects) : 0;
  return { checked: ids.length, inFlight };
}
