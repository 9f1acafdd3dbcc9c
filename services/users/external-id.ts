/**
 * Promise: an externalId is one user's. The unique index decides, at the moment of the commit; only who meets it comes
 * here. A deleted user keeps theirs for as long as the addresses (contracts/terms.ts), so that a restore gets it back;
 * after that whoever wants it takes it, which is a change of the deleted user like any other.
 */
import { unkeyed } from "../../mixins/idempotency.ts";
import { isContention, isUniqueViolation } from "../../mixins/postgres/database.ts";
import { isLimited, type Principal } from "../contracts/access.ts";
import { Refusal } from "../contracts/errors.ts";
import type { UserState } from "../contracts/events.ts";
import { type Budget, type Commit, type CommitDeps, LostRace } from "./commit.ts";
import { sees } from "./domain-rules.ts";
import { externalIdIndex, UserRow } from "./entities.ts";
import type { Cause } from "./events.ts";
import type { Generation } from "./generation.ts";
import { stateOf } from "./queries.ts";
import { decideLetGo, inGeneration } from "./rules.ts";

interface Deps extends CommitDeps {
  readonly commit: Commit;
  readonly generation: Pick<Generation, "known" | "look">;
  readonly now: () => Date;
}

/** Of the write that meets the index. */
interface Context {
  readonly cause: Cause;
  readonly budget: Budget;
  readonly asker?: Principal | null | undefined;
}

export const isExternalIdTaken = (error: unknown): boolean => isUniqueViolation(error, externalIdIndex);

function taken(externalId: string, holder: UserState, { asker }: Context): Refusal {
  const isSeen = !isLimited(asker) || sees(asker, holder);
  const status = holder.deletedAt === null ? ("active" as const) : ("deleted" as const);
  const conflict = { externalId, status, userId: isSeen ? holder.id : null };
  return new Refusal("external-id-taken", "Cannot give the user this externalId: another has it", {
    errors: [{ pointer: "#/externalId", detail: `is not available: it is ${status}`, conflict }],
  });
}

/** The write may be tried again. Throws Refusal `external-id-taken` where another user still has it. */
export async function freeExternalId(deps: Deps, wanted: UserState, context: Context): Promise<void> {
  const { externalId } = wanted;
  if (externalId == null) return;
  const row = await deps.db.read((em) => em.findOne(UserRow, { externalId }));
  if (row === null || row.id === wanted.id) return;
  const before = stateOf(row);
  if (before.deletedAt === null || Date.parse(before.deletedAt) > deps.freed().getTime())
    throw taken(externalId, before, context);
  const decided = decideLetGo(before, deps.now());
  if (decided.kind === "unchanged") return;
  const decision = inGeneration(decided, deps.generation.known ?? (await deps.generation.look()));
  try {
    const { cause, budget } = context;
    await deps.commit({ before, decision, answer: null, ticket: unkeyed(), cause, budget });
  } catch (error) {
    if (!(error instanceof LostRace || isContention(error))) throw error;
  }
}
