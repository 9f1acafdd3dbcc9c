/**
 * Promise: one pass tells every difference between users, the registry and the audit log, in bounded memory, takes no
 * event on its way for a difference, and trusts no clock but the monotonic one of its own process.
 *
 * The three sides are read in the order of user ids and merged. They are read at different moments, so what differs is
 * only a suspect. A suspect is looked at again, in the order of an event's way (users, outbox, registry, audit), at
 * least the grace later: it counts when it stands unchanged (the same check, the same version of the user, the same
 * account of the other side), with nothing of it in the outbox. Whoever has moved is on its way. Told apart is what may
 * still wait in the consumer's queue (backlogs.ts), and what somebody has acknowledged, for which nobody waits.
 */
import { pause } from "../../mixins/basics/pause.ts";
import { poll } from "../../mixins/basics/poll.ts";
import type { ActionResult } from "../contracts/actions.ts";
import { type ConsumerName, consumerNames, consumers, queueOf } from "../contracts/consumers.ts";
import { pageSizeMax } from "../contracts/paging.ts";
import type { AcknowledgedDifference, ConsistencyCheck, Difference } from "../contracts/reconciliation.ts";
import type { Acknowledged } from "./acknowledgements.ts";
import { type Backlogs, type QueueWatch, watchQueues } from "./backlogs.ts";
import { type Accounts, canBeFollowed, failedChecks, gapOf, newestVersion } from "./compare.ts";
import { type Ask, streamOf } from "./sources.ts";

/** A queue that is consumed is seen empty between two of these, if it ever is. */
const queueLookMs = 1_000;
/** Between two pages of the second look, whose grace is over already. */
const againPauseMs = 20;
/** Held at once, some 3 MB; a pass that has found so many looks at them again before it goes on. */
const suspectsMaxDefault = 10_000;

export interface Finding {
  readonly userId: string;
  /** Violations. */
  readonly differences: readonly Difference[];
  /** Behind a queue that holds messages. */
  readonly pending: readonly Difference[];
  readonly acknowledged: readonly AcknowledgedDifference[];
  /** The newest version that any side knows. */
  readonly newest: number;
}

export interface PassOptions {
  readonly ask: Ask;
  /** What somebody has said of these users' differences. */
  readonly acknowledged: (userIds: readonly string[]) => Promise<Acknowledged>;
  readonly backlogs: Backlogs;
  /** From the first look at a difference to the second; commit to effect takes some milliseconds. */
  readonly graceMs: number;
  readonly stopping: AbortSignal;
  /** Awaited: a pass goes as fast as its findings are dealt with. */
  readonly found: (finding: Finding) => Promise<void>;
  /** Told before a pass waits for the second look. */
  readonly waiting?: (suspects: number, ms: number) => void;
  readonly pageSize?: number;
  readonly suspectsMax?: number;
}

export interface PassResult {
  readonly checked: number;
  readonly inFlight: number;
}

interface Suspect {
  readonly userId: string;
  readonly differences: readonly Difference[];
  readonly newest: number;
  readonly seenAtMs: number;
}

const byId = <Row extends { readonly userId: string }>(rows: readonly Row[]): Map<string, Row> =>
  new Map(rows.map((row) => [row.userId, row]));

/** Whose effects the check compares with users. */
function consumerOf(check: ConsistencyCheck): ConsumerName {
  const name = consumerNames.find((each) => check.startsWith(consumers[each].checks));
  if (name === undefined)
    throw new Error(`Cannot tell whose check ${check} is: no consumer's checks begin so`);
  return name;
}

/** What each has of the user. */
const foundOf: Readonly<Record<ConsumerName, (accounts: Accounts) => number | undefined>> = {
  "smtp-registry": ({ registry }) => registry?.version,
  audit: ({ audit }) => audit?.versions,
};

function differencesOf(
  userId: string,
  accounts: Accounts,
  freedBefore: string,
  hasDeadLetter: (queue: string) => boolean = () => false,
): Difference[] {
  return failedChecks(accounts, freedBefore).map((check) => ({
    userId,
    check,
    version: accounts.user?.version ?? null,
    found: foundOf[consumerOf(check)](accounts) ?? null,
    deadLetter: hasDeadLetter(queueOf(consumerOf(check))),
    gap: gapOf(check, accounts),
  }));
}

function suspectOf(userId: string, accounts: Accounts, differences: readonly Difference[]): Suspect[] {
  const newest = newestVersion(accounts);
  return differences.length > 0 ? [{ userId, differences, newest, seenAtMs: performance.now() }] : [];
}

/** At the second look as at the first. */
const stands = ({ check, version, found }: Difference, before: readonly Difference[]): boolean =>
  before.some((known) => known.check === check && known.version === version && known.found === found);

interface ManyAccounts {
  /** Of a user, as each side tells it. */
  of(userId: string): Accounts;
  differences(userId: string): Difference[];
  /** Whether an event of the user waits in the outbox. */
  isPending(userId: string): boolean;
}

/** In the order of an event's way: what was seen at one station has reached it before the next one is asked. */
async function accountsOf(ask: Ask, userIds: string[]): Promise<ManyAccounts> {
  const users = byId((await ask("users.digest", { userIds })).items);
  const pending = new Set((await ask("outbox.pending", { userIds })).userIds);
  const { items, freedBefore } = await ask("smtp-registry.digest", { userIds });
  const registry = byId(items);
  const audit = byId((await ask("audit.digest", { userIds })).items);
  const letters = (await ask("dead-letters.pending", { userIds })).items;
  const of = (userId: string): Accounts => ({
    user: users.get(userId),
    registry: registry.get(userId),
    audit: audit.get(userId),
  });
  return {
    of,
    differences: (userId) =>
      differencesOf(userId, of(userId), freedBefore, (queue) =>
        letters.some((letter) => letter.userId === userId && letter.queue === queue),
      ),
    isPending: (userId) => pending.has(userId),
  };
}

const idsOf = (suspects: readonly Suspect[]): string[] => suspects.map(({ userId }) => userId);

/** Reports those of whom every difference is acknowledged, and resolves with the others. */
async function withoutAcknowledged(options: PassOptions, suspects: readonly Suspect[]): Promise<Suspect[]> {
  const acknowledgedOf = await options.acknowledged(idsOf(suspects));
  const others: Suspect[] = [];
  for (const suspect of suspects) {
    const { userId, differences, newest } = suspect;
    const acknowledged = differences.flatMap((difference) => acknowledgedOf(difference) ?? []);
    if (acknowledged.length < differences.length) others.push(suspect);
    else await options.found({ userId, differences: [], pending: [], acknowledged, newest });
  }
  return others;
}

/** Reports those of a page of suspects that still differ; resolves with how many were on their way. */
async function lookAgainAt(
  options: PassOptions,
  suspects: readonly Suspect[],
  watch: QueueWatch,
): Promise<number> {
  const userIds = idsOf(suspects);
  const again = await accountsOf(options.ask, userIds);
  const acknowledgedOf = await options.acknowledged(userIds);
  let inFlight = 0;
  for (const { userId, differences } of suspects) {
    const still = again.differences(userId).filter((difference) => stands(difference, differences));
    if (still.length === 0 || again.isPending(userId)) {
      inFlight += 1;
      continue;
    }
    const open = still.filter((difference) => acknowledgedOf(difference) === undefined);
    const waits = ({ check, deadLetter }: Difference): boolean =>
      !deadLetter && canBeFollowed(check) && watch.mayHold(queueOf(consumerOf(check)));
    await options.found({
      userId,
      differences: open.filter((difference) => !waits(difference)),
      pending: open.filter(waits),
      acknowledged: still.flatMap((difference) => acknowledgedOf(difference) ?? []),
      newest: newestVersion(again.of(userId)),
    });
  }
  return inFlight;
}

/** The same for any number, in the order in which they were seen, each no sooner than the grace after. */
async function lookAgain(options: PassOptions, seen: readonly Suspect[]): Promise<number> {
  const { graceMs, stopping, waiting, pageSize = pageSizeMax } = options;
  const suspects: Suspect[] = [];
  for (let from = 0; from < seen.length; from += pageSize)
    suspects.push(...(await withoutAcknowledged(options, seen.slice(from, from + pageSize))));
  const watch = watchQueues(options.ask, options.backlogs);
  let inFlight = 0;
  for (let from = 0; from < suspects.length; from += pageSize) {
    const page = suspects.slice(from, from + pageSize);
    const waitMs = Math.ceil((page.at(-1)?.seenAtMs ?? 0) + graceMs - performance.now()) + 1;
    if (waitMs > 1 && from === 0) waiting?.(suspects.length, waitMs);
    const maxMs = Math.max(waitMs, againPauseMs);
    await poll(watch.look, () => false, { everyMs: queueLookMs, maxMs, signal: stopping });
    inFlight += await lookAgainAt(options, page, watch);
  }
  return inFlight;
}

/** Over everyone. Rejects when a side can't be heard, or with the reason of `stopping`. */
export async function passOverAll(options: PassOptions): Promise<PassResult> {
  const { ask, stopping, pageSize = pageSizeMax, suspectsMax = suspectsMaxDefault } = options;
  // A backlog that is over is one also when there is no suspect to ask for.
  await watchQueues(ask, options.backlogs).look();
  let freedBefore = "";
  // As long as the last page took: a pass has half of the databases' time at most.
  let restMs = 0;
  const stream = <Row extends { readonly userId: string }>(
    page: (query: { after: string | null; limit: number }) => Promise<{ readonly items: readonly Row[] }>,
  ) =>
    streamOf(pageSize, async (after) => {
      await pause(restMs, stopping);
      const startedAtMs = performance.now();
      const { items } = await page({ after, limit: pageSize });
      restMs = performance.now() - startedAtMs;
      return items;
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
    if (userId === undefined || suspects.length >= suspectsMax) {
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
    const accounts = { user, registry: entry, audit: trail };
    suspects.push(...suspectOf(userId, accounts, differencesOf(userId, accounts, freedBefore)));
  }
}

/** Over these users alone, at most a page. */
export async function passOver(options: PassOptions, userIds: readonly string[]): Promise<PassResult> {
  const ids = [...new Set(userIds.map((userId) => userId.toLowerCase()))];
  const first = await accountsOf(options.ask, ids);
  const suspects = ids.flatMap((userId) => suspectOf(userId, first.of(userId), first.differences(userId)));
  const inFlight = suspects.length > 0 ? await lookAgain(options, suspects) : 0;
  return { checked: ids.length, inFlight };
}
