/**
 * The write path, optimistic: read → decide → reserve at the registry → one unit of work → nudge the relay.
 *
 * Promise: a write is answered when it is committed, or refused and nothing is left behind: what was reserved is
 * released, and what can't be released lapses. Only when the connection was lost during the commit itself is the
 * outcome unknown; then the reservation stays, for it may belong to a user that exists.
 * A write that lost against another one is run again from its read, at most `attemptsMax` times within its budget.
 */
import { createHash } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import type { Ticket } from "../../mixins/idempotency.ts";
import { AnsweredElsewhere } from "../../mixins/idempotency.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import { isContention } from "../../mixins/postgres/database.ts";
import { isLimited, type Principal } from "../contracts/access.ts";
import type { ActionInput, ActionParams, CreatedUser } from "../contracts/actions.ts";
import { Unavailable } from "../contracts/errors.ts";
import type { UserState } from "../contracts/events.ts";
import type { Reservation } from "../contracts/reservations.ts";
import { secondarySmtpsMax, type User } from "../contracts/user.ts";
import { type AcceptedDomains, refuseUnaccepted } from "./accepted-domains.ts";
import type { Budget } from "./commit.ts";
import {
  type Commit,
  type CommitDeps,
  KeyTaken,
  keepAlone,
  keysHeldByOthers,
  LostRace,
  type TakenKey,
  UnknownOutcome,
} from "./commit.ts";
import { addressTaken, bodyOf, heldAmong, restate } from "./conflicts.ts";
import { refuseOutside, refuseUnseen } from "./domain-rules.ts";
import type { Cause } from "./events.ts";
import { freeExternalId, isExternalIdTaken } from "./external-id.ts";
import type { Generation } from "./generation.ts";
import { keptAsTheyAre } from "./new-values.ts";
import { createdView, type FindState, userView } from "./queries.ts";
import { assignmentsOf, type Registry } from "./registry-client.ts";
import {
  addressesOf,
  type Command,
  type Decision,
  decide,
  decideCreate,
  type ExpectedVersions,
  inGeneration,
  type OwnedAddress,
  wantedAddresses,
} from "./rules.ts";
import type { ScimWrite } from "./sql.ts";
import type { InTurn } from "./turns-of-a-user.ts";
import { isUserNameTaken, refuseTakenUserName } from "./user-name.ts";

const attemptsMax = 8;
/** As many as one reservation can name (contracts/actions.ts). */
const alsoTakenMax = secondarySmtpsMax + 2;

export interface WriteDeps extends CommitDeps {
  readonly findState: FindState;
  readonly inTurn: InTurn;
  readonly commit: Commit;
  readonly generation: Generation;
  readonly registry: Registry;
  readonly accepted: Pick<AcceptedDomains, "known" | "look">;
  readonly now: () => Date;
  readonly log: Logger;
  /** Tells the relay that there is something to publish; must neither throw nor wait. */
  readonly nudge: () => void;
}

/** Whose write it is: its idempotency, its cause, and what its caller's patience leaves it. */
export interface WriteContext {
  readonly ticket: Ticket;
  readonly cause: Cause;
  readonly budget: Budget;
  /** Whoever asks, for whom some users may be none of theirs. */
  readonly asker?: Principal | null | undefined;
}

export interface UserWrites {
  create(params: ActionParams<"users.create">, context: WriteContext): Promise<CreatedUser>;
  /** The user after the command, unchanged when there was nothing to change; null when it was removed. */
  change(
    id: string,
    command: Command,
    expected: ExpectedVersions,
    context: WriteContext,
  ): Promise<User | null>;
}

/** One pass from the read to the decision, with its addresses reserved. */
export interface Plan {
  readonly before: UserState | undefined;
  readonly decision: Decision;
  readonly answer: unknown;
  /** What is kept of what an identity provider said (provision.ts). */
  readonly document?: ScimWrite;
}

type OnTaken = ActionInput<"smtp-registry.reserve">["onTaken"];

export interface Attempt {
  readonly reserve: (addresses: readonly OwnedAddress[], onTaken: OnTaken) => Promise<Reservation>;
}

interface Write<P> {
  readonly userId: string;
  readonly context: WriteContext;
  plan(attempt: Attempt): Promise<P>;
  /** Another user holds these of the plan's keys, and the registry did not know: go on (with others) or throw. */
  taken(plan: P, held: readonly TakenKey[]): void;
}

export function userWrites(deps: WriteDeps): UserWrites {
  return {
    create(params, context) {
      const userId = uuidv7();
      return settle(deps, { userId, context, ...planCreate(deps, { userId, params, asker: context.asker }) });
    },
    change(id, command, expected, context) {
      const userId = id.toLowerCase();
      return deps.inTurn(userId, () =>
        settle(deps, {
          userId,
          context,
          plan: ({ reserve }) =>
            planChange(deps, { userId, command, expected, reserve, asker: context.asker }),
          taken: refuseTaken(command),
        }),
      );
    },
  };
}

interface CreateRequest {
  readonly userId: string;
  readonly params: ActionParams<"users.create">;
  readonly asker: WriteContext["asker"];
}

export function planCreate(deps: WriteDeps, { userId, params, asker }: CreateRequest) {
  const addresses = wantedAddresses(params);
  const holders = new Map<string, string>();
  return {
    async plan({ reserve }: Attempt) {
      const onTaken = params.onTaken ?? "suffix-primary";
      const reservation = await reserve(addresses, onTaken).catch((error: unknown) => {
        throw restate(error, params, holders);
      });
      const assigned = reservation.addresses.map(({ assigned, kind }) => ({ address: assigned, kind }));
      const assignments = assignmentsOf(reservation);
      const generation = await currentGeneration(deps);
      const created = decideCreate(userId, params, assigned, deps.now(), assignments);
      const decision = inGeneration(created, generation);
      const domains = deps.accepted.known ?? (await deps.accepted.look());
      if (domains.size > 0) refuseUnaccepted(domains, undefined, decision.state, params);
      if (isLimited(asker)) refuseOutside(asker, undefined, decision.state);
      return { before: undefined, decision, answer: createdView(decision.state, assignments) };
    },
    taken(_plan: Plan, held: readonly TakenKey[]): void {
      for (const { key, userId: holder } of held) if (holder !== null) holders.set(key, holder);
    },
  };
}

export const refuseTaken =
  (command: Command) =>
  (plan: Plan, held: readonly TakenKey[]): void => {
    throw addressTaken(bodyOf(command), heldAmong(addressesOf(plan.decision.state), held));
  };

interface ChangeRequest extends Attempt {
  readonly userId: string;
  readonly command: Command;
  readonly expected: ExpectedVersions;
  readonly asker: WriteContext["asker"];
}

export async function planChange(
  deps: WriteDeps,
  request: ChangeRequest,
): Promise<Plan & { answer: User | null }> {
  const before = await deps.findState(request.userId);
  const { asker } = request;
  if (before !== undefined && isLimited(asker)) refuseUnseen(asker, before);
  const decided = decide(before, request.command, request.expected, deps.now());
  const decision =
    decided.kind === "unchanged" ? decided : inGeneration(decided, await currentGeneration(deps));
  if (decision.kind === "changed") {
    const domains = deps.accepted.known ?? (await deps.accepted.look());
    if (domains.size > 0) refuseUnaccepted(domains, before, decision.state, bodyOf(request.command));
    if (isLimited(asker)) refuseOutside(asker, before, decision.state);
    const addresses = keptAsTheyAre(addressesOf(decision.state));
    await request.reserve(addresses, "refuse").catch((error: unknown) => {
      throw restate(error, bodyOf(request.command));
    });
  }
  return { before, decision, answer: request.command.kind === "remove" ? null : userView(decision.state) };
}

export const currentGeneration = ({ generation }: Pick<WriteDeps, "generation">): number | Promise<number> =>
  generation.known ?? generation.look();

/** Runs a write until it is committed or refused. */
export async function settle<A, P extends Plan & { answer: A }>(
  deps: WriteDeps,
  write: Write<P>,
): Promise<A> {
  const { budget } = write.context;
  const alsoTaken = new Set<string>();
  const reservations = new Set<string>();
  try {
    for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
      budget.check();
      const plan = await write.plan({ reserve: reserver(deps, write, { alsoTaken, reservations }) });
      const lost = await tryCommit(deps, write, plan);
      if (lost === undefined) return plan.answer;
      if (lost.taken.length > 0) write.taken(plan, lost.taken);
      for (const { key } of lost.taken) alsoTaken.add(key);
    }
    throw new Unavailable("users", `The write lost against others ${attemptsMax} times`);
  } catch (error) {
    const mayBeOurs = error instanceof UnknownOutcome || error instanceof AnsweredElsewhere;
    const given = { userId: write.userId, alsoTaken: newest(alsoTaken) };
    if (!mayBeOurs)
      for (const reservationId of reservations) void deps.registry.release({ reservationId, ...given });
    throw error;
  }
}

/** undefined once committed; else why the write has to be planned again. */
async function tryCommit<P extends Plan>(
  deps: WriteDeps,
  { context }: Write<P>,
  { before, decision, answer, document }: P,
): Promise<{ taken: readonly TakenKey[] } | undefined> {
  const { commit, log, nudge } = deps;
  try {
    if (decision.kind === "unchanged") {
      await keepAlone(deps, { answer, document, ...context });
      return undefined;
    }
    await commit({ before, decision, answer, document, ...context });
    nudge();
    const { id: userId, version, displayName, primarySmtp } = decision.state;
    log.info({ eventType: decision.type, userId, version, displayName, primarySmtp }, "user changed");
    return undefined;
  } catch (error) {
    if (error instanceof LostRace) deps.generation.forget();
    if (error instanceof LostRace || isContention(error)) return { taken: [] };
    if (decision.kind === "unchanged") throw error;
    if (isExternalIdTaken(error)) {
      await freeExternalId(deps, decision.state, context);
      return { taken: [] };
    }
    if (isUserNameTaken(error)) {
      await refuseTakenUserName(deps, decision, context.asker);
      return { taken: [] };
    }
    if (!(error instanceof KeyTaken)) throw error;
    return { taken: await keysHeldByOthers(deps, decision.state) };
  }
}

const newest = (keys: ReadonlySet<string>): string[] => [...keys].slice(-alsoTakenMax);

function reserver<P extends Plan>(
  { registry }: WriteDeps,
  { userId, context: { ticket, budget } }: Write<P>,
  seen: { readonly alsoTaken: ReadonlySet<string>; readonly reservations: Set<string> },
): Attempt["reserve"] {
  return async (addresses, onTaken) => {
    // What the registry is asked for in vain it may hold after the release of it.
    budget.check();
    const asked = { addresses: [...addresses], onTaken, alsoTaken: newest(seen.alsoTaken) };
    const reservationId = reservationIdOf(ticket.operationId, asked);
    return registry.reserve(
      { reservationId, userId, ...asked },
      { timeoutMs: budget.leftMs(), sending: () => void seen.reservations.add(reservationId) },
    );
  };
}

/** The same for each repeat of a keyed request, so that it finds its own hold again; another when it asks for others. */
const reservationIdOf = (operationId: string, asked: unknown): string =>
  createHash("sha256")
    .update(JSON.stringify([operationId, asked]))
    .digest("base64url");
