/** What an operator does after a loss, and what is left of it then. */
import { join } from "node:path";
import { databases } from "../../chaos/cluster.ts";
import { eventually } from "../../support/eventually.ts";
import { joinAsOperator } from "../../support/operator.ts";
import { root } from "../../support/processes.ts";
import { runProgram } from "../../support/provision/command.ts";
import { findPrograms } from "../engines/programs.ts";
import type { Stage } from "../stage.ts";
import { blockedAddresses, loseUnsent } from "./postgres.ts";

const newerMs = 15_000;
const appliedMs = 5_000;
/** Of the doctor's: it asks the management API on its standard port, which the nodes of a scenario do not have. */
const unseen = "queue copies";
const passTimeoutMs = 120_000;
const doctorTimeoutMs = 120_000;

const reason = "lost in a scenario of npm run ha";

interface Repair {
  /** Of the users' database, into the same one: nobody but who has done it can know. */
  readonly isRestored?: boolean;
}

/**
 * One command, `reconcile repair`, and one decision, `reconcile release all`; then what stands in the way of a healthy
 * installation is measured.
 */
async function repaired(
  { system, journal, observer, measure, rest, fault, elapsedMs }: Stage,
  { isRestored = false }: Repair = {},
): Promise<void> {
  const operator = await joinAsOperator(system.rabbit.url, ["reconciler", "users"]);
  const correlationId = `repair-${elapsedMs()}`;
  journal.repairs.add(correlationId);
  try {
    if (isRestored) await fault("reconcile generation", () => operator.call("users.generation", {}));
    const { reemitted } = await fault("reconcile repair", () =>
      // A pass that begins by itself is under way, once a generation has begun: it is let through first.
      eventually(() => operator.call("reconciler.repair", {}, correlationId), { timeoutMs: passTimeoutMs }),
    );
    await rest(appliedMs);
    const { decided } = await fault("reconcile release all", () =>
      eventually(() => operator.call("reconciler.decide", { as: "released", reason }, correlationId), {
        timeoutMs: passTimeoutMs,
      }),
    );
    measure("toldAgain", reemitted);
    measure("released", decided);
    await rest(appliedMs);
    const { violations } = await eventually(() => operator.call("reconciler.run", {}), {
      timeoutMs: passTimeoutMs,
    });
    for (const [check, count] of Object.entries(violations)) measure(check, count);
  } finally {
    await operator.leave();
  }
  measure("blockedAddresses", await blockedAddresses(system));
  const twoMeanings = Map.groupBy(await observer.read(), ({ subject, sequence }) => `${subject} ${sequence}`);
  const isTwofold = (events: readonly { id: string }[]) => new Set(events.map(({ id }) => id)).size > 1;
  measure("numbersUsedTwice", [...twoMeanings.values()].filter(isTwofold).length);
  const script = join(root, "services/commands/doctor/index.ts");
  const doctor = await runProgram(process.execPath, [script, "--json"], {
    cwd: root,
    env: { PATH: process.env.PATH, ...system.environment },
    timeoutMs: doctorTimeoutMs,
  });
  const { findings } = JSON.parse(doctor.stdout) as {
    findings: readonly { part: string; status: string; says: string }[];
  };
  const ill = findings.filter(
    ({ status, part }) => status === "problem" || (status === "unknown" && part !== unseen),
  );
  for (const { part, says } of ill) await fault(`the doctor: ${part}: ${says}`, () => {});
  measure("doctorsFindings", ill.length);
}

export async function loseAndRepair(stage: Stage): Promise<void> {
  await loseUnsent(stage);
  stage.load.pace(0);
  await repaired(stage);
}

/** One side goes back to what it was some seconds ago, as from a dump of it; the other one keeps all. */
async function restoreOlder(stage: Stage, database: string): Promise<void> {
  const { system, load, fault, rest } = stage;
  const { postgresFolder } = await findPrograms();
  const isRegistry = database === databases.registry;
  const url = isRegistry
    ? system.registryServer?.url(database)
    : (await system.patroni.primary()).url(database);
  if (url === undefined) throw new Error("The registry has no server of its own");
  const file = join(system.folder, `${database}.dump`);
  const pgTool = async (name: string, ...args: string[]): Promise<void> => {
    const { code, stderr } = await runProgram(join(postgresFolder, name), args, {
      timeoutMs: doctorTimeoutMs,
    });
    if (code !== 0) throw new Error(`${name} failed: ${stderr.trim()}`);
  };
  await pgTool("pg_dump", "--format=custom", `--file=${file}`, url);
  await rest(newerMs);
  load.pace(0);
  await rest(appliedMs);
  const roles = [...system.roles.values()];
  await fault(`restore ${database} as it was ${newerMs / 1_000} s ago`, () =>
    Promise.all(roles.map((role) => role.stop("SIGTERM"))),
  );
  await pgTool("pg_restore", "--clean", "--if-exists", "--single-transaction", `--dbname=${url}`, file);
  for (const role of roles) role.start();
  await system.ready();
  await repaired(stage, { isRestored: !isRegistry });
}

export const restoreRegistry = (stage: Stage): Promise<void> => restoreOlder(stage, databases.registry);
export const restoreUsers = (stage: Stage): Promise<void> => restoreOlder(stage, databases.users);
