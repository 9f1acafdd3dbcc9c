/**
 * Promise: who is not an orphan now is left alone; of who is, somebody's decision and its reason are kept before it is
 * carried out (acknowledgements.ts).
 */
import type { ActionInput, ActionParams } from "../contracts/actions.ts";
import { Refusal } from "../contracts/errors.ts";
import type { Difference, OrphansReport } from "../contracts/reconciliation.ts";
import { type Finding, passOver, passOverAll } from "./pass.ts";
import type { WorkOptions } from "./work.ts";

export interface Carrying {
  readonly keep: (standing: readonly Difference[]) => Promise<void>;
  readonly settle: (orphan: ActionInput<"users.settle">) => Promise<{ version: number }>;
}

type Decision = ActionParams<"reconciler.decide">;

interface Orphan {
  readonly userId: string;
  readonly standing: readonly Difference[];
  /** The newest version that anybody knows. */
  readonly above: number;
}

const isOrphan = ({ check }: Difference): boolean => check === "registry_orphan" || check === "audit_orphan";

/** Undefined for whoever is none; one that somebody has decided on before, and is there still, is one. */
function orphanOf({ userId, differences, acknowledged, newest }: Finding): Orphan | undefined {
  const standing = [...differences, ...acknowledged].filter(isOrphan);
  return standing.length === 0 ? undefined : { userId, standing, above: newest };
}

/** Throws Refusal `not-found` where it can't be restored, and as users does. */
async function carryOut(
  options: WorkOptions,
  { userId, standing, above }: Orphan,
  { as, reason }: Decision,
  { keep, settle }: Carrying,
): Promise<{ version: number }> {
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

/** Looks as a pass does. Throws Refusal `not-found` where there is no such orphan, and as users does. */
export async function decideOnOrphan(
  options: WorkOptions,
  as: Decision["as"],
  { userId, reason }: ActionParams<"reconciler.release">,
  carrying: Carrying,
): Promise<{ version: number }> {
  let orphan: Orphan | undefined;
  const found = async (finding: Finding) => {
    orphan = orphanOf(finding);
  };
  await passOver({ ...options, found }, [userId]);
  if (orphan === undefined)
    throw new Refusal("not-found", "Cannot find the orphan: there is none with this id");
  return carryOut(options, orphan, { as, reason }, carrying);
}

/** One decision for all that a pass finds, one by one: for whom it can't be carried out is told, and left as it is. */
export async function decideOnOrphans(
  options: WorkOptions,
  decision: Decision,
  carrying: Carrying,
): Promise<OrphansReport> {
  const left: { userId: string; why: string }[] = [];
  let decided = 0;
  const found = async (finding: Finding): Promise<void> => {
    const orphan = orphanOf(finding);
    if (orphan === undefined) return;
    try {
      await carryOut(options, orphan, decision, carrying);
      decided += 1;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      left.push({ userId: orphan.userId, why: error.message });
    }
  };
  await passOverAll({ ...options, found });
  return { decided, left };
}
