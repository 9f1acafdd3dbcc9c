/**
 * Promise: who is not an orphan now is left alone; of who is, somebody's decision and its reason are kept before it is
 * carried out (acknowledgements.ts).
 */
import type { ActionInput, ActionParams } from "../contracts/actions.ts";
import { Refusal } from "../contracts/errors.ts";
import type { Difference } from "../contracts/reconciliation.ts";
import { type Finding, passOver } from "./pass.ts";
import type { WorkOptions } from "./work.ts";

interface Carrying {
  readonly keep: (standing: readonly Difference[]) => Promise<void>;
  readonly settle: (orphan: ActionInput<"users.settle">) => Promise<{ version: number }>;
}

const isOrphan = ({ check }: Difference): boolean => check === "registry_orphan" || check === "audit_orphan";

/** Looks as a pass does. Throws Refusal `not-found` where there is no such orphan, and as users does. */
export async function decideOnOrphan(
  options: WorkOptions,
  as: "released" | "restored",
  { userId, reason }: ActionParams<"reconciler.release">,
  { keep, settle }: Carrying,
): Promise<{ version: number }> {
  const standing: Difference[] = [];
  let above = 0;
  const found = async ({ differences, acknowledged, newest }: Finding) => {
    standing.push(...[...differences, ...acknowledged].filter(isOrphan));
    above = newest;
  };
  await passOver({ ...options, found }, [userId]);
  if (standing.length === 0)
    throw new Refusal("not-found", "Cannot find the orphan: there is none with this id");
  const { users } = await options.ask("smtp-registry.trace", { userIds: [userId], eventIds: [] });
  const addresses = users[0]?.addresses ?? [];
  const primary = addresses.find(({ kind }) => kind === "primary")?.address;
  if (primary === undefined && as === "restored")
    throw new Refusal("not-found", "Cannot restore the user: the registry knows no primary address of it");
  await keep(standing);
  // Nobody has a name for it, nor, where the registry knows none, an address: the TLD is nobody's (RFC 2606).
  const primarySmtp = primary ?? `${userId}@released.invalid`;
  const secondarySmtps = addresses.filter(({ kind }) => kind === "secondary").map(({ address }) => address);
  const result = await settle({ userId, above, as, displayName: primarySmtp, primarySmtp, secondarySmtps });
  options.log.warn({ userId, as, reason, version: result.version }, "an orphan is decided on");
  return result;
}
