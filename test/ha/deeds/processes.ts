/** What happens to processes of ours, and to what their callers do then. */
import { getPriority, setPriority } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { databases } from "../../chaos/cluster.ts";
import type { Role } from "../../chaos/role.ts";
import { root } from "../../support/processes.ts";
import { isDone } from "../journal.ts";
import { capacityOf } from "../load.ts";
import type { Stage } from "../stage.ts";
import { readyTimeoutMs } from "../system.ts";

const awayMs = 6_000;
const frozenMs = 20_000;
const settleMs = 3_000;
const outageMs = 30_000;
const overloadMs = 8_000;
const overloadFactor = 10;
const clientsAhead = 10;
const slowMs = 40;
const capacityClients = 32;
const capacityMs = 8_000;

const wireOf = ({ system: { url }, journal, elapsedMs, interrupted }: Stage) => ({
  url,
  journal,
  elapsedMs,
  giveUp: interrupted,
});

async function again(stage: Stage, role: Role): Promise<void> {
  role.start();
  await role.ready(readyTimeoutMs);
  await stage.system.ready();
}

export async function killInstances(stage: Stage): Promise<void> {
  for (const name of ["users-1", "registry-1", "gateway-1"]) {
    const role = stage.system.role(name);
    await stage.fault(`kill ${name}`, () => role.stop("SIGKILL"));
    await stage.rest(awayMs);
    await again(stage, role);
    await stage.rest(settleMs);
  }
}

export async function freezeInstances(stage: Stage): Promise<void> {
  for (const name of ["users-2", "registry-2"]) {
    const role = stage.system.role(name);
    await stage.fault(`freeze ${name}`, () => role.freeze());
    await stage.rest(frozenMs);
    role.thaw();
    await stage.system.ready();
    await stage.rest(settleMs);
  }
}

/** One after the other, the next as soon as the one before says that it is ready. */
export async function restartAll({ system, fault }: Stage): Promise<void> {
  for (const role of system.roles.values()) {
    await fault(`restart ${role.name}`, () => role.stop("SIGTERM"));
    role.start();
    await role.ready(readyTimeoutMs);
  }
}

/** In the order in which the services need each other. */
export async function upgradeAll({ system, fault }: Stage): Promise<void> {
  for (const kind of ["smtp-registry", "users", "outbox", "gateway"] as const)
    for (const role of system.ofKind(kind)) {
      await fault(`upgrade ${role.name}`, () => role.stop("SIGTERM"));
      role.moveTo(root);
      role.start();
      await role.ready(readyTimeoutMs);
    }
}

/**
 * Clients have machines of their own: whoever offers a load does not wait for a processor with what it loads. Needs a
 * right that root has; without it the load is offered as well as it goes.
 */
async function aheadOfOthers(work: () => Promise<void>): Promise<void> {
  const before = getPriority();
  const become = (priority: number): void => {
    try {
      setPriority(Math.max(-20, priority));
    } catch {
      // not allowed
    }
  };
  become(before - clientsAhead);
  try {
    await work();
  } finally {
    become(before);
  }
}

/** Each user that is written takes the database so long: it is the bottleneck then, and not what clients share with us. */
const slow = (ms: number): string => `
  create function slowly() returns trigger language plpgsql as
    $$ begin perform pg_sleep(${ms / 1_000}); return new; end $$;
  create trigger slowly before insert or update on users for each row execute function slowly()`;
const quick = "drop function if exists slowly() cascade";

/** Ten times what can be done, for some seconds; how much of what can be done is done meanwhile. */
export async function overload(stage: Stage): Promise<void> {
  const { postgres } = stage.system;
  stage.load.pace(0);
  await postgres.query(databases.users, slow(slowMs));
  try {
    await offerTooMuch(stage);
  } finally {
    await postgres.query(databases.users, quick);
  }
}

async function offerTooMuch(stage: Stage): Promise<void> {
  const { load, journal, elapsedMs, fault, measure, rest } = stage;
  const capacity = await capacityOf(wireOf(stage), { clients: capacityClients, forMs: capacityMs });
  const fromMs = elapsedMs();
  const offered = Math.round(capacity * overloadFactor);
  await aheadOfOthers(async () => {
    await fault(`offer ${offered} writes a second, where ${capacity.toFixed(0)} are possible`, () =>
      load.pace(offered),
    );
    await rest(overloadMs);
    load.pace(0);
  });
  const toMs = elapsedMs();
  const done = journal.writes.filter((each) => isDone(each) && each.atMs >= fromMs && each.atMs < toMs);
  measure("capacity", capacity);
  measure("goodputPercent", (100 * done.length * 1_000) / (toMs - fromMs) / capacity);
}

/** Half of what can be done is asked for, through an outage; how long what waited takes afterwards. */
export async function outage(stage: Stage): Promise<void> {
  const { system, load, journal, elapsedMs, fault, measure, rest } = stage;
  load.pace(0);
  const capacity = await capacityOf(wireOf(stage), { clients: capacityClients, forMs: capacityMs });
  load.pace(capacity / 2);
  await rest(settleMs);
  const registries = system.ofKind("smtp-registry");
  const goneMs = elapsedMs();
  await fault("kill both smtp-registry", () => Promise.all(registries.map((role) => role.stop("SIGKILL"))));
  await rest(outageMs);
  for (const role of registries) role.start();
  await system.ready();
  const readyMs = elapsedMs();
  const waited = journal.operations.filter(({ outcome }) => outcome === "open");
  while (waited.some(({ outcome, endedMs }) => outcome === "open" && endedMs === undefined)) await delay(100);
  measure("capacity", capacity);
  measure("waited", waited.length);
  const backlogMs = Math.max(0, ...waited.map(({ endedMs }) => (endedMs ?? readyMs) - readyMs));
  measure("outageMs", readyMs - goneMs);
  measure("backlogMs", backlogMs);
  // At half of what can be done, what came in an outage takes as long as that to be done beside what comes.
  measure("backlogPercent", (100 * backlogMs) / (readyMs - goneMs));
  measure("backlogGivenUp", waited.filter(({ outcome }) => outcome === "open").length);
}
