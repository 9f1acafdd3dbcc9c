/**
 * Promise: a user's state as it is gets told again, once, under a version that is newer than any that was heard of.
 *
 * The version has to grow because consumers take only newer ones; nothing else of the user changes, so no address is
 * reserved. An erased user is told by `user.erased.v1`, a deleted one by `user.deleted.v1`: a consumer that looks at the type alone must not revive it.
 */
import { isContention } from "../../mixins/postgres/database.ts";
import { Refusal, Unavailable } from "../contracts/errors.ts";
import { LostRace, type Work } from "./commit.ts";
import { findErased, tellErasureAgain } from "./erase.ts";
import { decideReemit, inGeneration } from "./rules.ts";
import { currentGeneration, type WriteContext, type WriteDeps } from "./write.ts";

const attemptsMax = 8;

export type ReemitDeps = Pick<
  WriteDeps,
  "db" | "freed" | "findState" | "commit" | "generation" | "now" | "nudge" | "log"
>;

/**
 * Commits what `plan` decides, which reserves nothing, and asks it anew when another write was first; the new version,
 * which a repeat is answered with unless the plan says what is kept for it.
 */
export async function commitPlanned(
  { commit, generation, nudge }: ReemitDeps,
  context: WriteContext,
  plan: () => Promise<Pick<Work, "before" | "decision"> & { readonly kept?: unknown }>,
): Promise<{ version: number }> {
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    context.budget.check();
    const { before, decision, kept } = await plan();
    const answer = { version: decision.state.version };
    try {
      await commit({ before, decision, answer: kept === undefined ? answer : kept, ...context });
      nudge();
      return answer;
    } catch (error) {
      if (!(error instanceof LostRace || isContention(error))) throw error;
      generation.forget();
    }
  }
  throw new Unavailable("users", `The write lost against others ${attemptsMax} times`);
}

/** The new version. Throws Refusal `not-found`, `invalid-fields` for an absurd `above`, or Unavailable. */
export async function reemit(
  deps: ReemitDeps,
  { userId, above }: { readonly userId: string; readonly above: number },
  context: WriteContext,
): Promise<{ version: number }> {
  const erased = await findErased(deps.db, userId);
  if (erased !== undefined) return tellErasureAgain(deps, erased, above, context);
  return commitPlanned(deps, context, async () => {
    const before = await deps.findState(userId);
    if (before === undefined)
      throw new Refusal("not-found", "Cannot find the user: there is none with this id");
    const generation = await currentGeneration(deps);
    const decision = inGeneration(decideReemit(before, above, deps.now(), generation), generation);
    return { before, decision };
  });
}
