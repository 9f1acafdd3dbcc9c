/** A rename of a domain from its first question to its figures. */
import { toUnicode } from "tr46";
import { counted } from "../../../mixins/basics/plural.ts";
import { exitCodes, StartError } from "../../contracts/exits.ts";
import { progressBar } from "../progress.ts";
import type { Api } from "./api.ts";
import { carryOutRename, type Plan, planRename, type Rename } from "./rename-domain.ts";
import { figuresText, type Report, reportOf } from "./report.ts";
import { atOnceMax, print, type RunOptions, tellRun } from "./run-options.ts";

export interface RenameWish extends RunOptions {
  /** Conflicts stop nobody but those who have them. */
  readonly isSkipping: boolean;
}

const domainOf = (ascii: string) => ({ ascii, name: toUnicode(ascii).domain });

async function planned(api: Api, rename: Rename): Promise<Plan> {
  const bar = progressBar("people looked at");
  let looked = 0;
  try {
    return await planRename(api, rename, {
      atOnceMax,
      tick() {
        looked += 1;
        // How many there are is known at the end.
        bar.update(0, 1, looked);
      },
    });
  } finally {
    bar.stop();
  }
}

async function done(api: Api, rename: Rename, plan: Plan, run: string, report: Report): Promise<number> {
  const bar = progressBar("people renamed");
  let count = 0;
  try {
    return await carryOutRename(api, rename, plan, {
      run,
      atOnceMax,
      report: async (outcome) => report.add(outcome, outcome.id ?? ""),
      tick() {
        count += 1;
        bar.update(count, Math.max(count, plan.people.length), count);
      },
    });
  } finally {
    bar.stop();
  }
}

function tell({ conflicts, secondaryOnly, people }: Plan, { old, new: to }: Rename, wish: RenameWish): void {
  if (wish.isJson) return;
  for (const { id, primarySmtp, reason } of conflicts) print(`conflict: ${primarySmtp} (${id}): ${reason}`);
  if (secondaryOnly > 0)
    print(
      `${counted(secondaryOnly, "person has", "people have")} only further addresses in ${old.name}, which stay`,
    );
  if (wish.isDryRun) print(`${people.length} would move from ${old.name} to ${to.name}`);
  if (conflicts.length > 0 && !wish.isSkipping && !wish.isDryRun)
    print(`Nothing was done: ${counted(conflicts.length, "conflict")} (--skip-conflicts leaves them out)`);
}

/** Resolves with the exit code. Throws StartError where addresses can't be taken in the new domain. */
export async function runRename(api: Api, from: string, to: string, wish: RenameWish): Promise<number> {
  const rename = { old: domainOf(from), new: domainOf(to) };
  if (!(await api.isAccepted(to)))
    throw new StartError(
      `Cannot rename ${rename.old.name}: ${rename.new.name} is no accepted domain (PUT /domains/${to} first)`,
    );
  const plan = await planned(api, rename);
  tell(plan, rename, wish);
  const isStopped = wish.isDryRun || (plan.conflicts.length > 0 && !wish.isSkipping);
  const report = reportOf({
    correlationId: wish.run,
    done: "moved",
    isWhole: false,
    print: wish.isJson ? () => {} : print,
  });
  let left = isStopped ? plan.people.length : 0;
  if (!isStopped && plan.people.length > 0) {
    tellRun(wish.run);
    left = await done(api, rename, plan, wish.run, report);
  }
  const { conflicts, secondaryOnly } = plan;
  const figures = report.figures();
  if (wish.isJson) print(JSON.stringify({ ...figures, left, secondaryOnly, conflicts }));
  else if (!isStopped)
    print(figuresText(`rename-domain ${rename.old.name} ${rename.new.name}`, figures, false));
  if (!isStopped && left > 0 && !wish.isJson)
    print(`${counted(left, "more has", "more have")} come into ${rename.old.name} meanwhile: run it again`);
  const isAll = conflicts.length === 0 && figures.refused === 0 && (wish.isDryRun || left === 0);
  return isAll ? exitCodes.ok : exitCodes.failure;
}
