/**
 * Promise: an orphan, whom others know and users does not, is a user again: one who was deleted so long ago that its
 * addresses are anybody's, or one with the addresses that the registry knows. As every write it is one transaction, of
 * the row, the guard and the event, under a version that is newer than any that was heard of.
 */
import type { ActionParams } from "../contracts/actions.ts";
import { Refusal } from "../contracts/errors.ts";
import { versionWithHeadroomMax } from "../contracts/events.ts";
import { noneOf, type UserFieldName, userFieldNames } from "../contracts/user.ts";
import { KeyTaken } from "./commit.ts";
import { findErased } from "./erase.ts";
import { commitPlanned, type ReemitDeps } from "./reemit.ts";
import { type Changed, inGeneration } from "./rules.ts";
import { currentGeneration, type WriteContext } from "./write.ts";

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
export const settleOrphan = (
  deps: ReemitDeps,
  orphan: Orphan,
  context: WriteContext,
): Promise<{ version: number }> =>
  commitPlanned(deps, context, async () => {
    const isErased = (await findErased(deps.db, orphan.userId)) !== undefined;
    if (isErased || (await deps.findState(orphan.userId)) !== undefined)
      throw new Refusal("invalid-fields", "Cannot settle the orphan: users knows this user", {
        errors: [{ pointer: "#/userId", detail: "is no orphan" }],
      });
    const decision = inGeneration(decideOrphan(orphan, deps.now()), await currentGeneration(deps));
    return { before: undefined, decision };
  }).catch((error: unknown) => {
    if (!(error instanceof KeyTaken)) throw error;
    throw new Refusal("address-taken", "Cannot restore the user: another has an address of it");
  });
