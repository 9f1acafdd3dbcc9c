/**
 * Promise: one snapshot a second answers everybody, however many ask; whoever can't be asked within its time is named,
 * and the rest is told. It never rejects. Two snapshots that tell the same have the same version.
 */
import { createHash } from "node:crypto";
import type { ServiceBroker } from "moleculer";
import { faultsIn, healthOf } from "../../mixins/health.ts";
import { callAction } from "../../mixins/moleculer/calls.ts";
import type { ActionInput, ActionName, ActionResult } from "../contracts/actions.ts";
import { Refusal } from "../contracts/errors.ts";
import type { Reconciliation } from "../contracts/reconciliations.ts";
import { type HostedName, hostedNames } from "../contracts/services.ts";
import type { Status } from "../contracts/status.ts";

/** Fits into the time that the gateway gives a request. */
const askTimeoutMs = 1_000;
const snapshotAgeMsMax = 1_000;

/** The process that is asked is there. */
const asked = hostedNames.filter((name) => name !== "gateway" && name !== "ops");

const reasonOf = (error: unknown): string =>
  (error as Error).name === "RequestTimeoutError"
    ? `does not answer within ${askTimeoutMs} ms`
    : "can't be asked";

type Check = Status["checks"][string];

/** A check of a service that can't be asked is missing. */
async function checkOf(broker: ServiceBroker, name: HostedName): Promise<readonly [string, Check | Error]> {
  try {
    const health = await healthOf(broker, name, askTimeoutMs);
    return [name, health.status === "up" ? { status: "up" } : { status: "down", detail: faultsIn(health) }];
  } catch (error) {
    return [name, error as Error];
  }
}

const versionOf = (told: unknown): string =>
  createHash("sha256").update(JSON.stringify(told)).digest("base64url").slice(0, 22);

async function gather(broker: ServiceBroker, at: Date): Promise<Status> {
  const away = new Map<string, string>();
  const ask = async <N extends ActionName>(
    name: N,
    params: ActionInput<N>,
  ): Promise<ActionResult<N> | undefined> => {
    try {
      return await callAction(broker, name, params, { timeout: askTimeoutMs });
    } catch (error) {
      if (error instanceof Refusal) return undefined;
      away.set(name.split(".")[0] ?? name, reasonOf(error));
      return undefined;
    }
  };
  const [checks, outbox, backlogs, causes, pass, users, registry] = await Promise.all([
    Promise.all(asked.map((name) => checkOf(broker, name))),
    ask("outbox.status", { limit: 1 }),
    ask("outbox.backlogs", {}),
    ask("dead-letters.causes", {}),
    ask("reconciler.latest", {}),
    ask("users.standing", {}),
    ask("smtp-registry.standing", {}),
  ]);
  for (const [name, check] of checks) if (check instanceof Error) away.set(name, reasonOf(check));
  const seen = checks.filter((each): each is readonly [string, Check] => !(each[1] instanceof Error));
  const isDown = seen.some(([, { status }]) => status === "down");
  const told = {
    status: isDown ? ("down" as const) : away.size > 0 ? ("partial" as const) : ("up" as const),
    checks: Object.fromEntries(seen),
    outbox: outbox === undefined ? null : { pending: outbox.pending, oldestAgeS: outbox.oldestAgeS },
    queues: backlogs?.queues ?? null,
    circuit: users?.circuit ?? null,
    deadLetters:
      causes === undefined
        ? null
        : { pending: causes.items.reduce((sum, { letters }) => sum + letters, 0), causes: causes.items },
    reconciliation: pass === undefined ? null : shortOf(pass),
    users: users?.counts ?? null,
    addresses: registry?.counts ?? null,
    unseen: [...away].map(([service, reason]) => ({ service, reason })),
  };
  const known = { ...told, users: undated(told.users), addresses: undated(told.addresses) };
  return { version: versionOf(known), at: at.toISOString(), ...told };
}

const shortOf = ({ id, kind, status, startedAt, startedBy, endedAt, report }: Reconciliation) => ({
  ...{ id, kind, status, startedAt, startedBy, endedAt },
  violations: report?.violations ?? null,
});

/** That it was counted again is no news. */
const undated = <T extends object>(counts: T | null) => counts && { ...counts, countedAt: undefined };

export function snapshots(now: () => Date): (broker: ServiceBroker) => Promise<Status> {
  let last: { readonly atMs: number; readonly status: Promise<Status> } | undefined;
  return (broker) => {
    const nowMs = performance.now();
    if (last === undefined || nowMs - last.atMs >= snapshotAgeMsMax)
      last = { atMs: nowMs, status: gather(broker, now()) };
    return last.status;
  };
}
