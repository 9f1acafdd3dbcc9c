/**
 * Promise: an orphan, whom others know and users does not, is a user again: one who was deleted so long ago that its
 * addresses are anybody's, or one with the addresses that the registry knows. As every write it is one transaction, of
 * the row, the guard and the event, under a version that is newer than any that was heard of.
 */
import { isContention } from "../../mixins/postgres/database.ts";
import type { ActionParams } from "../contracts/actions.ts";
import { Refusal, Unavailable } from "../contracts/errors.ts";
import { versionWithHeadroomMax } from "../contracts/events.ts";
import { noneOf, type UserFieldName, userFieldNames } from "../contracts/user.ts";
import { KeyTaken, LostRace } from "./commit.ts";
import type { ReemitDeps } from "./reemit.ts";
import { type Changed, inGeneration } from "./rules.ts";
import type { WriteContext } from "./write.ts";

const attemptsMax = 8;
/** Before any terms, so that the deletion leaves no tombstone. */
const longAgo = new Date(0).toISOString();

type Orphan = ActionParams<"users.settle">;

function decideOrphan({ userId, above, as, ...known }: Orphan, now: Date): Changed {
  if (above > versionWithHeadroomMax) {
    const detail = `must be at most ${versionWithHeadroomMax}`;
    throw new Refusal("invalid-fields", "Cannot settle the orphan: its version leaves no room", {
      errors: [{ pointer: "#/above", detail }],
    });
  }
  const at = now.toISOString();
  const nothing = Object.fromEntries(userFieldNames.map((name) => [name, noneOf(name)]));
  const fields = { ...nothing, ...known } as never as Pick<Changed["state"], UserFieldName>;
  const [type, deletedAt] =
    as === "released" ? (["user.deleted.v1", longAgo] as const) : (["user.restored.v1", null] as const);
  const state = { ...fields, id: userId, version: above + 1, createdAt: at, updatedAt: at, deletedAt };
  return { kind: "changed", type, state, changes: [] };
}

/** The new version. Throws Refusal (`address-taken`; `invalid-fields` for a user that users knows) or Unavailable. */
export async function settleOrphan(
  { findState, commit, generation, now, nudge }: ReemitDeps,
  orphan: Orphan,
  context: WriteContext,
): Promise<{ version: number }> {
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    context.budget.check();
    if ((await findState(orphan.userId)) !== undefined)
      throw new Refusal("invalid-fields", "Cannot settle the orphan: users knows this user", {
        errors: [{ pointer: "#/userId", detail: "is no orphan" }],
      });
    const decision = inGeneration(decideOrphan(orphan, now()), generation.known ?? (await generation.look()));
    const answer = { version: decision.state.version };
    try {
      await commit({ before: undefined, decision, answer, ...context });
      nudge();
      return answer;
    } catch (error) {
      if (error instanceof KeyTaken)
        throw new Refusal("address-taken", "Cannot restore the user: another has an address of it");
      if (!(error instanceof LostRace || isContention(error))) throw error;
      generation.forget();
    }
  }
  throw new Unavailable("users", `The write lost against others ${attemptsMax} times`);
}
